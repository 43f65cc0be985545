"""The website chat: its HTTP interface under /chat/v1 and the demo page."""
