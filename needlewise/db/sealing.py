"""Encryption of what patients wrote: Fernet (AES-128-CBC with HMAC-SHA256), with old keys readable during a rotation."""

import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from needlewise.db.tables import key_check
from needlewise.errors import NeedlewiseError

_KNOWN = b"needlewise"


class Seal:
    """Encrypts with the first key and reads with any. Raises NeedlewiseError on what none of the keys can read."""

    def __init__(self, key: str, old_keys: tuple[str, ...] = ()) -> None:
        try:
            self._fernet = MultiFernet([Fernet(value) for value in (key, *old_keys)])
        except ValueError as error:
            raise NeedlewiseError(
                "the key must be 32 bytes in URL-safe base64 (NEEDLEWISE_KEY, or the file var/key): `needlewise key make` prints one"
            ) from error

    def seal(self, data: bytes) -> bytes:
        return self._fernet.encrypt(data)

    def open(self, sealed: bytes) -> bytes:
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as error:
            raise NeedlewiseError(
                "stored text was encrypted with another key: set NEEDLEWISE_KEY to it, or list it in NEEDLEWISE_OLD_KEYS"
            ) from error

    def reseal(self, sealed: bytes) -> bytes:
        """The same content under the first key."""
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken as error:
            raise NeedlewiseError("this row cannot be read with any of the keys") from error


def load_seal(key: str | None, old_keys: tuple[str, ...], var: Path) -> Seal:
    """The seal from the environment's key, or from var/key, made on the first start and readable by its owner only."""
    return Seal(key or _key_file(var / "key"), old_keys)


def _key_file(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            raise NeedlewiseError(f"{path} can be read by others: run chmod 600 {path}") from None
        return _read_key(path)
    except OSError as error:
        raise NeedlewiseError(f"cannot write the encryption key to {path}: {error.strerror}") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        key = Fernet.generate_key().decode("ascii")
        file.write(key)
    return key


def _read_key(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        raise NeedlewiseError(f"cannot read the encryption key in {path}: {error.strerror}") from error


async def check_key(engine: AsyncEngine, seal: Seal) -> None:
    """Raise NeedlewiseError, before anything is written, when this database was encrypted with another key."""
    async with engine.begin() as connection:
        sealed = (await connection.execute(select(key_check.c.sealed))).scalar_one_or_none()
        if sealed is None:
            await connection.execute(insert(key_check).values(id=1, sealed=seal.seal(_KNOWN)))
        elif seal.open(sealed) != _KNOWN:
            raise NeedlewiseError(
                "the database's key check holds something else: it is damaged, restore a backup"
            )


async def mark_key(engine: AsyncEngine, seal: Seal) -> None:
    """Put the key check under the first key, at the end of a rotation."""
    async with engine.begin() as connection:
        await connection.execute(update(key_check).values(sealed=seal.seal(_KNOWN)))
