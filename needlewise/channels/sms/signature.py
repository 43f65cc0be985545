"""Whether a webhook comes from Twilio: its signature over the address that it called and every form field.

https://www.twilio.com/docs/usage/security#validating-requests
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit, urlunsplit

_PORTS = {"https": 443, "http": 80}

Fields = Sequence[tuple[str, str]]
"""A form's fields in any order, the blank ones too."""


def signature(token: str, address: str, fields: Fields) -> str:
    """What Twilio puts into X-Twilio-Signature: HMAC-SHA1 of the address and each field's name and value, by name, in base64.

    A field that is given several times counts once for each different value, in order, as Twilio's own libraries do it.
    """
    text = address + "".join(name + value for name, value in sorted(set(fields)))
    digest = hmac.new(token.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha1).digest()
    return base64.b64encode(digest).decode("ascii")


def is_signed(given: str, tokens: Iterable[str], address: str, fields: Fields) -> bool:
    """Whether `given` is the signature with one of our tokens, of the address with or without its usual port.

    Twilio does not always sign the port that it called; a proxy may add or drop it. Every comparison takes the same time.
    """
    expected = given.encode("utf-8", "replace")
    found = False
    for token in tokens:
        for written in _addresses(address):
            found |= hmac.compare_digest(signature(token, written, fields).encode("ascii"), expected)
    return found


def _addresses(address: str) -> tuple[str, ...]:
    """The address as given, without its port, and with the usual port written out."""
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError:
        return (address,)
    host = parts.netloc.rpartition("@")[2]
    bare = host.removesuffix(f":{port}") if port is not None else host
    written = f"{bare}:{port or _PORTS.get(parts.scheme, 443)}"
    return tuple(
        dict.fromkeys((address, *(urlunsplit(parts._replace(netloc=each)) for each in (bare, written))))
    )
