"""Corrections by staff, the training examples made of them, and the questions that had no answer. Nothing here loads Rasa."""
