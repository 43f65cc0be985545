"""How patients reach us: one folder a channel."""
