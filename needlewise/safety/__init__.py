"""Red-flag triage: fixed rules, read from content/safety/red_flags.yml, run on every text a person sends."""

from needlewise.safety.triage import Decision, Level, RedFlagRules, Triage, load_rules

__all__ = ["Decision", "Level", "RedFlagRules", "Triage", "load_rules"]
