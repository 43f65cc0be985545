"""Pure functions on text; nothing here knows clinics, content or the network."""
