"""Rasa graph components, in the order of config.yml: read, split, classify, gate. Only this and `dialogue` import rasa."""
