"""Who may ask for a needling visit online: what a patient says of themself, and what the rules make of it."""
