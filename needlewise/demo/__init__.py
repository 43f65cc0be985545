"""Made-up patients who talk with the real assistant, so that anyone can look around in a console that is not empty."""
