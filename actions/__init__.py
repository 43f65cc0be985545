"""Rasa custom actions: thin; each reads what was heard, calls one service, and says a key. Never text, SQL or `rasa`."""
