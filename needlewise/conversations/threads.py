"""How a phone number becomes the name of a thread, and a thread the names of its conversations, without a number in either."""

import hashlib
import hmac

KEPT_AS = "threads"
"""The name of the secret (db.sealing.kept_secret) under which numbers are hashed."""


def thread_id(secret: bytes, clinic_number: str, number: str) -> str:
    """HMAC-SHA256 of the two numbers, 128 bits of it in hex."""
    return hmac.new(secret, f"{clinic_number} {number}".encode(), hashlib.sha256).hexdigest()[:32]


def conversation_id(thread: str, epoch: int) -> str:
    """The conversation of the nth person who had the number, as far as we can tell; epochs count from 1."""
    return hashlib.sha256(f"{thread} {epoch}".encode()).hexdigest()[:32]
