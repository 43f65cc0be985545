"""Rasa embedded: the agent, its in-process actions, its tracker store, the words it says, and one turn of a conversation."""
