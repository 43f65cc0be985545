"""Encryption of what patients wrote: Fernet (AES-128-CBC with HMAC-SHA256), with old keys readable during a rotation."""

import os
from pathlib import Path
from secrets import token_bytes
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Table, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from needlewise.db.tables import key_check, secrets
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
    known = await _first_kept(engine, seal, key_check, {"id": 1}, _KNOWN)
    if known != _KNOWN:
        raise NeedlewiseError(
            "the database's key check holds something else: it is damaged, restore a backup"
        )


async def kept_secret(engine: AsyncEngine, seal: Seal, name: str) -> bytes:
    """32 random bytes that stay the same for this database, made when first asked for; a rotation of the key does not change them."""
    return await _first_kept(engine, seal, secrets, {"name": name}, token_bytes(32))


async def _first_kept(
    engine: AsyncEngine, seal: Seal, table: Table, row: dict[str, Any], value: bytes
) -> bytes:
    """What a row of `table` holds; `value` when it was not there. Of several processes that start at once, one wins."""
    query = select(table.c.sealed).where(*(table.c[name] == part for name, part in row.items()))
    async with engine.connect() as connection:
        sealed = await connection.scalar(query)
    if sealed is not None:
        return seal.open(sealed)
    try:
        async with engine.begin() as connection:
            await connection.execute(insert(table).values(**row, sealed=seal.seal(value)))
    except IntegrityError:
        async with engine.connect() as connection:
            return seal.open(await connection.scalar(query))
    return value


async def mark_key(engine: AsyncEngine, seal: Seal) -> None:
    """Put the key check under the first key, at the end of a rotation."""
    async with engine.begin() as connection:
        await connection.execute(update(key_check).values(sealed=seal.seal(_KNOWN)))
