"""Who works here: accounts, their roles at each clinic, and how an account is set up, reset and disabled.

Everything that changes an account writes the audit row that the caller hands over, in the same transaction.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from needlewise import clock
from needlewise.console.roles import Role, grants
from needlewise.console.second_factor import hash_of, new_code
from needlewise.db.audit import AuditLog, Entry
from needlewise.db.engine import reading
from needlewise.db.tables import staff, staff_devices, staff_recovery, staff_roles, staff_sessions
from needlewise.errors import NeedlewiseError

SETUP_HOURS = 72
"""How long the one-time code of a new or reset account is good."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,79}")

Roles = Mapping[str, frozenset[Role]]
"""By clinic."""


@dataclass(frozen=True)
class Account:
    """One person."""

    id: str
    name: str
    """What they sign in with."""
    roles: Roles
    created_at: datetime
    is_disabled: bool
    is_set_up: bool
    """Whether they have chosen a password and a second factor."""

    def may(self, role: Role) -> frozenset[str]:
        """The clinics at which this person may do what the role does."""
        return frozenset(
            clinic for clinic, given in self.roles.items() if any(role in grants(one) for one in given)
        )


class Accounts:
    """The table of accounts."""

    def __init__(self, engine: AsyncEngine, audit: AuditLog) -> None:
        self._engine = engine
        self._audit = audit

    async def any(self) -> bool:
        """Whether there is an account at all."""
        async with reading(self._engine).connect() as connection:
            return await connection.scalar(select(staff.c.id).limit(1)) is not None

    async def all(self) -> Sequence[Account]:
        """Everybody, by name."""
        return await self._fetch()

    async def get(self, identity: str) -> Account | None:
        found = await self._fetch(staff.c.id == identity)
        return found[0] if found else None

    async def named(self, name: str) -> Account:
        """The account of a name. Raises NeedlewiseError when there is none."""
        found = await self._fetch(staff.c.name == plain_name(name))
        if not found:
            raise NeedlewiseError(f"nobody is called {name}: `needlewise staff list` shows everybody")
        return found[0]

    async def add(self, name: str, roles: Roles, entry: Entry) -> tuple[Account, str]:
        """A new account, and the one-time code with which its owner chooses a password.

        Raises NeedlewiseError when the name is taken or is no name.
        """
        plain = plain_name(name)
        if not _NAME.fullmatch(plain):
            raise NeedlewiseError(
                "a name has 2 to 80 letters, digits, dots, dashes or @, and begins with a letter or digit"
            )
        identity, code, now = uuid4().hex, new_code(), clock.now()
        values = {"id": identity, "name": plain, "created_at": now, **_setup(code, now)}
        try:
            async with self._engine.begin() as connection:
                await connection.execute(insert(staff).values(**values))
                for clinic, given in roles.items():
                    await self._give(connection, identity, clinic, given)
                details = {**entry.details, "roles": _listed(roles)}
                await self._audit.record(replace(entry, subject=identity, details=details), connection)
        except IntegrityError as error:
            raise NeedlewiseError(f"the name {plain} is taken: choose another") from error
        return Account(identity, plain, roles, now, is_disabled=False, is_set_up=False), code

    async def set_roles(self, account: Account, clinic: str, roles: Iterable[Role], entry: Entry) -> None:
        """Give exactly these roles at one clinic; none takes the person out of it.

        Raises NeedlewiseError when the clinic would be left without an admin who can sign in.
        """
        given = frozenset(roles)
        before = account.roles.get(clinic, frozenset())
        async with self._engine.begin() as connection:
            await connection.execute(
                delete(staff_roles).where(staff_roles.c.staff == account.id, staff_roles.c.clinic == clinic)
            )
            await self._give(connection, account.id, clinic, given)
            if Role.ADMIN in before - given:
                await self._check_admin_left(connection, [clinic])
            details = {"before": sorted(before), "after": sorted(given)}
            await self._audit.record(
                replace(entry, clinic=clinic, subject=account.id, details=details), connection
            )

    async def disable(self, account: Account, entry: Entry) -> None:
        """Sign the person out everywhere, for good. Raises NeedlewiseError when a clinic would be left without an admin."""
        async with self._engine.begin() as connection:
            await self._change(connection, account.id, disabled_at=clock.now(), setup_hash=None)
            await self._shut_out(connection, account.id)
            await self._check_admin_left(connection, account.may(Role.ADMIN))
            await self._audit.record(replace(entry, subject=account.id), connection)

    async def enable(self, account: Account, entry: Entry) -> None:
        """Let a disabled person sign in again, as before."""
        async with self._engine.begin() as connection:
            await self._change(connection, account.id, disabled_at=None)
            await self._audit.record(replace(entry, subject=account.id), connection)

    async def reset(self, account: Account, entry: Entry, *, second_factor: bool) -> str:
        """Take the password away, and the second factor too if told (a lost phone); the one-time code for a new one.

        The person is signed out everywhere, and no browser of theirs is known any more.
        """
        code = new_code()
        values: dict[str, Any] = {"password_hash": None, **_setup(code, clock.now())}
        async with self._engine.begin() as connection:
            if second_factor:
                values |= {"totp_sealed": None, "totp_step": None}
                await connection.execute(delete(staff_recovery).where(staff_recovery.c.staff == account.id))
            await self._change(connection, account.id, **values)
            await self._shut_out(connection, account.id)
            details = {"second_factor": second_factor}
            await self._audit.record(replace(entry, subject=account.id, details=details), connection)
        return code

    async def _shut_out(self, connection: AsyncConnection, identity: str) -> None:
        for table in (staff_sessions, staff_devices):
            await connection.execute(delete(table).where(table.c.staff == identity))

    async def _change(self, connection: AsyncConnection, identity: str, **values: Any) -> None:
        await connection.execute(update(staff).where(staff.c.id == identity).values(**values))

    async def _give(
        self, connection: AsyncConnection, identity: str, clinic: str, roles: Iterable[Role]
    ) -> None:
        rows = [{"staff": identity, "clinic": clinic, "role": role.value} for role in sorted(roles)]
        if rows:
            await connection.execute(insert(staff_roles), rows)

    async def _check_admin_left(self, connection: AsyncConnection, clinics: Iterable[str]) -> None:
        for clinic in sorted(clinics):
            query = (
                select(staff.c.id)
                .join(staff_roles, staff_roles.c.staff == staff.c.id)
                .where(
                    staff_roles.c.clinic == clinic,
                    staff_roles.c.role == Role.ADMIN.value,
                    staff.c.disabled_at.is_(None),
                )
                .limit(1)
            )
            if await connection.scalar(query) is None:
                raise NeedlewiseError(
                    f"{clinic} would be left without an admin: make somebody else one first"
                )

    async def _fetch(self, *where: Any) -> Sequence[Account]:
        async with reading(self._engine).connect() as connection:
            people = (await connection.execute(select(staff).where(*where).order_by(staff.c.name))).all()
            query = select(staff_roles).where(staff_roles.c.staff.in_([row.id for row in people]))
            given = (await connection.execute(query)).all()
        roles: dict[str, dict[str, set[Role]]] = {}
        for row in given:
            roles.setdefault(row.staff, {}).setdefault(row.clinic, set()).add(Role(row.role))
        return [
            Account(
                row.id,
                row.name,
                {clinic: frozenset(some) for clinic, some in roles.get(row.id, {}).items()},
                row.created_at,
                is_disabled=row.disabled_at is not None,
                is_set_up=row.password_hash is not None and row.totp_sealed is not None,
            )
            for row in people
        ]


def plain_name(name: str) -> str:
    """A name as it is stored: people do not mean the case of letters, nor the space that a phone adds."""
    return name.strip().casefold()


def _setup(code: str, now: datetime) -> dict[str, Any]:
    return {"setup_hash": hash_of(code), "setup_until": now + timedelta(hours=SETUP_HOURS)}


def _listed(roles: Roles) -> dict[str, list[str]]:
    return {clinic: sorted(given) for clinic, given in sorted(roles.items())}
