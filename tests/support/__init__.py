"""Builders and players that several tests share."""
