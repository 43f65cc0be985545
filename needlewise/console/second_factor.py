"""The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for the day the phone is lost."""

import hashlib
import hmac
import secrets
from datetime import datetime

import pyotp
import segno

SECONDS = 30
DRIFT = 1
"""How many codes before and after the present one are taken: a phone's clock may be half a minute off."""
RECOVERY_CODES = 10

_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
"""No letters or digits that are read for one another on paper."""
_GROUPS, _GROUP = 4, 4
"""16 of 30 letters are 78 bits: nobody finds one by trying, not even against the stored hashes."""


def new_secret() -> str:
    return pyotp.random_base32()


def step_of(secret: str, code: str, *, at: datetime, after: int | None) -> int | None:
    """The half minute that a code belongs to; None when it is wrong, or not newer than `after`: a code is good once."""
    given = "".join(code.split())
    totp = pyotp.TOTP(secret, interval=SECONDS)
    present = int(at.timestamp()) // SECONDS
    for step in range(present - DRIFT, present + DRIFT + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), given.encode()):
            return step if after is None or step > after else None
    return None


def picture(secret: str, *, name: str) -> str:
    """The QR code that an authenticator app reads, as a data: address of an SVG image."""
    address = pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="Needlewise")
    return str(segno.make(address, error="m").svg_data_uri(scale=5, border=4, dark="#000", light="#fff"))


def spaced(secret: str) -> str:
    """The secret in groups of four, for typing it in."""
    return " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))


def new_code() -> str:
    """A random code for typing in: to set up an account, or to get in without the phone."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))


def hash_of(code: str) -> str:
    """What is kept of a code or token. Nobody can guess one from it: they are long and random."""
    plain = "".join(c for c in code.upper() if c.isalnum())
    return hashlib.sha256(plain.encode()).hexdigest()
