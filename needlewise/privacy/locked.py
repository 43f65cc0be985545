"""Files that open with a passphrase: for what is handed to a patient, or carried about.

A file is, without gaps: the line `needlewise-locked-1` with its line end, 16 bytes of salt, 12 bytes of nonce, and the content under
AES-256-GCM with its 16 byte tag at the end. The key is scrypt (RFC 7914) of the passphrase, in NFC and UTF-8, with N = 2^17, r = 8, p = 1;
the first line and the salt are authenticated with the content. Any tool that has both can open it.

Not Fernet, which the database uses: its key is random, has 128 bits, and its tokens say in clear when they were made. Here a person chooses
the secret, so guessing has to be slow: each guess takes 128 MiB and about half a second.
"""

import glob
import os
import tempfile
import unicodedata
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from needlewise.errors import NeedlewiseError

MAGIC = b"needlewise-locked-1\n"
SHORTEST = 12
"""Characters of a passphrase."""

_SALT, _NONCE, _TAG = 16, 12, 16
_COST = 2**17


def lock(content: bytes, passphrase: str) -> bytes:
    """The content of a locked file. Raises NeedlewiseError for a passphrase that is too short. Takes about half a second."""
    if len(passphrase.strip()) < SHORTEST:
        raise NeedlewiseError(
            f"A passphrase has at least {SHORTEST} characters: four or five words are good."
        )
    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    head = MAGIC + salt
    return head + nonce + AESGCM(_key(passphrase, salt)).encrypt(nonce, content, head)


def is_locked(data: bytes) -> bool:
    """Whether this is the content of a locked file."""
    return data.startswith(MAGIC)


def unlock(data: bytes, passphrase: str) -> bytes:
    """What was locked. Raises NeedlewiseError for a wrong passphrase, a damaged file, and one that is not ours."""
    if not is_locked(data) or len(data) < len(MAGIC) + _SALT + _NONCE + _TAG:
        raise NeedlewiseError("this is not a whole file that was locked with a passphrase")
    head, rest = data[: len(MAGIC) + _SALT], data[len(MAGIC) + _SALT :]
    try:
        return AESGCM(_key(passphrase, head[len(MAGIC) :])).decrypt(rest[:_NONCE], rest[_NONCE:], head)
    except InvalidTag:
        raise NeedlewiseError("the passphrase is wrong, or the file is damaged") from None


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all. Raises NeedlewiseError where one is, or where it cannot be written."""
    if path.exists():
        raise NeedlewiseError(f"{path} is there already: choose another name")
    try:
        for left in path.parent.glob(f".{glob.escape(path.name)}-*.part"):
            left.unlink()  # of an export that was cut off
        # mkstemp makes it 0600, and under a name of its own: a crash leaves no file that looks whole.
        descriptor, part = tempfile.mkstemp(prefix=f".{path.name}-", suffix=".part", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            os.unlink(part)
            raise
    except OSError as error:
        raise NeedlewiseError(f"cannot write {path}: {error.strerror}") from error


def _key(passphrase: str, salt: bytes) -> bytes:
    plain = unicodedata.normalize("NFC", passphrase.strip()).encode()
    return Scrypt(salt=salt, length=32, n=_COST, r=8, p=1).derive(plain)
