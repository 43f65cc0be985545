"""Passwords: which are taken, and how they are kept.

The rules are those of NIST SP 800-63B: length, and not a password that is guessed first; no demands for digits or signs, and no expiry.
"""

import asyncio
import re
import unicodedata
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12
LONGEST = 256

MEMORY_KIB = 64 * 1024
PASSES = 3
LANES = 1
"""argon2id: 64 MiB, 3 passes, 1 lane. RFC 9106 recommends 64 MiB and 3 passes; one lane, because several sign-ins share two cores."""

AT_ONCE = 2
"""Each check holds MEMORY_KIB: a flood of sign-ins waits here and does not fill the memory."""

_COMMON = Path(__file__).parent / "common_passwords.txt"
_LETTERS = str.maketrans("@$013457", "asoleast")
_RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv5tgb",
)


class Passwords:
    """Hashes and checks, in threads, a few at a time."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
        self._places = asyncio.Semaphore(AT_ONCE)
        self._nobodys: str | None = None

    async def hashed(self, password: str) -> str:
        async with self._places:
            return await asyncio.to_thread(self._hasher.hash, _composed(password))

    async def is_right(self, stored: str | None, password: str) -> bool:
        """Whether the password is the one stored. Without a stored one it takes as long, and is not."""
        if self._nobodys is None:
            self._nobodys = await self.hashed("nobody has this password")
        async with self._places:
            right = await asyncio.to_thread(self._verify, stored or self._nobodys, password[:LONGEST])
        return right and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether it was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, _composed(password))
        except (VerificationError, InvalidHashError):
            return False


def fault_of(password: str, *, name: str) -> str | None:
    """Why a new password is not taken, as a sentence for its owner; None when it is."""
    plain = _composed(password).casefold()
    if len(password) < SHORTEST:
        return f"Use at least {SHORTEST} characters. Several words in a row are easy to remember."
    if len(password) > LONGEST:
        return f"Use at most {LONGEST} characters."
    if len(set(plain)) < 5 or _is_run(plain):
        return "This is a simple pattern, which is guessed first. Use several words in a row."
    if min(_uncommon(plain), _uncommon(plain.translate(_LETTERS))) < 4:
        return "This password is made of words that are tried first. Use another one."
    own = name.casefold().partition("@")[0]
    if len(own) > 3 and own in plain and len(plain) - len(own) < 8:
        return "This password is mostly your name. Use another one."
    return None


def _is_run(plain: str) -> bool:
    """Letters or digits as they lie on the keyboard or in the alphabet, forwards, backwards or repeated."""
    half = plain[: len(plain) // 2]
    if half and plain in (half * 2, half * 2 + plain[-1]):
        return True
    return any(plain in run * 3 or plain in run[::-1] * 3 for run in _RUNS)


def _composed(password: str) -> str:
    """The same letters however a keyboard composes them (NIST SP 800-63B 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def _uncommon(plain: str) -> int:
    """How many letters are left when the words that everybody tries first are taken out.

    None of "password-2026!", nor of "p@ssw0rd" once its signs are read as letters; "lantern" of "heel password lantern".
    """
    letters = "".join(c for c in plain if c.isalpha())
    return len(_common().sub("", letters))


@cache
def _common() -> re.Pattern[str]:
    words = sorted(_COMMON.read_text(encoding="utf-8").split(), key=len, reverse=True)
    return re.compile("|".join(words))
