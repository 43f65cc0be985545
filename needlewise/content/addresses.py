"""Which web addresses a clinic's profile may name."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_webhook(address: str) -> bool:
    """Whether requests may be posted there: by https, or by http to this machine itself. It holds no name or password."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return False
    if not parts.hostname or parts.username is not None or any(sign.isspace() for sign in address):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine's own."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
