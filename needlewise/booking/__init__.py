"""Requests for a visit or a call back: kept first, then brought to the clinic the way its profile says."""
