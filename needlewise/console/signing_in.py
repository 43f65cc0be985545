"""Coming in: a password, then a second factor; or a one-time code, then choosing both. Nobody is in with less.

Whoever fails hears the same words, after the same time, whether the name exists or not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from needlewise import clock
from needlewise.console.accounts import plain_name
from needlewise.console.passwords import Passwords, fault_of
from needlewise.console.second_factor import RECOVERY_CODES, hash_of, new_code, new_secret, step_of
from needlewise.console.sessions import Session, Sessions, Stage
from needlewise.console.throttle import Counter, Throttle, counters
from needlewise.db.audit import NOBODY, AuditLog, Entry
from needlewise.db.engine import reading
from needlewise.db.sealing import Seal
from needlewise.db.tables import staff, staff_recovery

CODES_A_SIGN_IN = 5
"""Wrong second factors after which one begins again with the password."""

WRONG = "That is not right. Check the name and the password."
WRONG_SETUP = "That is not right, or the code is no longer good. Ask an admin for a new one."
WRONG_CODE = "That code is not right, or was used already. Wait for the next one."
BEGIN_AGAIN = "Too many codes were wrong. Begin again."


class NotIn(Exception):
    """Why somebody may not come in, in words for them. `wait` is how many seconds nothing more is tried."""

    def __init__(self, words: str, *, wait: int = 0, is_over: bool = False) -> None:
        super().__init__(words)
        self.words = words
        self.wait = wait
        self.is_over = is_over
        """Whether the session that was on its way in has ended."""


@dataclass(frozen=True)
class Origin:
    """Where somebody comes from: their address, what their browser is, and the token by which we may know it."""

    address: str
    browser: str
    device: str | None


@dataclass(frozen=True)
class Came:
    """How far somebody got. `token` is the new session's; `device` is for the browser to keep, once they are in."""

    token: str
    stage: Stage
    device: str | None = None


class SigningIn:
    """The steps, in their order. Every step gives a new session token and ends the one before."""

    def __init__(
        self,
        engine: AsyncEngine,
        seal: Seal,
        audit: AuditLog,
        *,
        sessions: Sessions,
        passwords: Passwords,
        throttle: Throttle,
    ) -> None:
        self._engine = engine
        self._seal = seal
        self._audit = audit
        self._sessions = sessions
        self._passwords = passwords
        self._throttle = throttle

    async def with_password(
        self, name: str, password: str, origin: Origin, *, instead_of: str | None = None
    ) -> Came:
        """The first step. Raises NotIn."""
        row, counted = await self._begin("password", name, origin)
        right = await self._passwords.is_right(row.password_hash if row else None, password)
        if row is None or not right or row.disabled_at is not None:
            await self._refused("sign-in/password", row, origin)
            raise NotIn(WRONG)
        await self._throttle.succeeded(counted)
        if self._passwords.is_outdated(row.password_hash):
            await self._set(row.id, password_hash=await self._passwords.hashed(password))
        async with self._engine.begin() as connection:
            await self._sessions.sweep(connection)
            came = await self._next(connection, row, origin.browser, instead_of)
            await self._audit.record(Entry(row.id, "sign-in/password", subject=row.id), connection)
        return came

    async def with_setup_code(
        self, name: str, code: str, origin: Origin, *, instead_of: str | None = None
    ) -> Came:
        """The first step of a new account, or after a reset. The code is used up when a password is chosen. Raises NotIn."""
        row, counted = await self._begin("set-up", name, origin)
        now = clock.now()
        good = row is not None and row.setup_hash == hash_of(code) and row.setup_until > now
        if row is None or not good or row.disabled_at is not None:
            await self._refused("sign-in/set-up", row, origin)
            raise NotIn(WRONG_SETUP)
        await self._throttle.succeeded(counted)
        async with self._engine.begin() as connection:
            token = await self._sessions.begin(
                connection, row.id, Stage.PASSWORD, browser=origin.browser, instead_of=instead_of
            )
            await self._audit.record(Entry(row.id, "sign-in/set-up", subject=row.id), connection)
        return Came(token, Stage.PASSWORD)

    async def choose_password(self, session: Session, password: str) -> Came:
        """The second step of setting up. Raises NotIn on a password that is not taken."""
        row = await self._row(staff.c.id == session.staff)
        if fault := fault_of(password, name=row.name):
            raise NotIn(fault)
        now = clock.now()
        values = {
            "password_hash": await self._passwords.hashed(password),
            "password_at": now,
            "setup_hash": None,
            "setup_until": None,
        }
        async with self._engine.begin() as connection:
            # One password a code: of two browsers that came with the same one, the second is too late.
            good = (staff.c.id == row.id) & staff.c.setup_hash.is_not(None) & (staff.c.setup_until > now)
            done = await connection.execute(update(staff).where(good).values(**values))
            if done.rowcount != 1:
                raise NotIn(WRONG_SETUP, is_over=True)
            await self._sessions.end_all(connection, row.id)
            came = await self._next(connection, row, session.browser, session.id)
            await self._audit.record(
                Entry(row.id, "account/password", subject=row.id, details={"way": "set-up code"}), connection
            )
        return came

    async def enrol(self, session: Session, code: str, origin: Origin) -> tuple[Came, Sequence[str]]:
        """Set up the second factor with a first code of it: signed in, and the recovery codes, shown this once. Raises NotIn."""
        if session.pending_sealed is None:
            raise NotIn(BEGIN_AGAIN, is_over=True)
        secret = self._seal.open(session.pending_sealed).decode()
        step = step_of(secret, code, at=clock.now(), after=None)
        if step is None:
            await self._wrong_code("account/second-factor", session)
        async with self._engine.begin() as connection:
            # Only where there is none yet: a second browser that is enrolling would replace the first one's.
            free = (staff.c.id == session.staff) & staff.c.totp_sealed.is_(None)
            sealed = self._seal.seal(secret.encode())
            done = await connection.execute(
                update(staff).where(free).values(totp_sealed=sealed, totp_step=step)
            )
            if done.rowcount != 1:
                raise NotIn(BEGIN_AGAIN, is_over=True)
            codes = await self._new_codes(connection, session.staff)
            came = await self._in(connection, session, origin)
            await self._audit.record(
                Entry(session.staff, "account/second-factor", subject=session.staff), connection
            )
        return came, codes

    async def with_code(self, session: Session, code: str, origin: Origin) -> Came:
        """The last step: a code of the app, or a recovery code. Raises NotIn."""
        row = await self._row(staff.c.id == session.staff)
        counted = await self._attempt("code", row.name, row.id, origin)
        is_app = sum(c.isalnum() for c in code) == 6
        way = "app" if is_app else "recovery code"
        async with self._engine.begin() as connection:
            good = await (self._take_step if is_app else self._take_recovery)(connection, row, code)
            if good:
                came = await self._in(connection, session, origin)
                left = await connection.scalar(select(func.count()).where(_unused(row.id)))
                details = {"way": way, "recovery_codes_left": left}
                await self._audit.record(
                    Entry(row.id, "sign-in/code", subject=row.id, details=details), connection
                )
        if not good:
            await self._wrong_code("sign-in/code", session, way=way)
        await self._throttle.succeeded(counted)
        return came

    async def change_password(self, session: Session, old: str, new: str, origin: Origin) -> None:
        """Takes the old password too, and ends every other session. Raises NotIn."""
        row = await self._confirmed("account/password", session, old, origin)
        if fault := fault_of(new, name=row.name):
            raise NotIn(fault)
        hashed = await self._passwords.hashed(new)
        async with self._engine.begin() as connection:
            await connection.execute(
                update(staff)
                .where(staff.c.id == row.id)
                .values(password_hash=hashed, password_at=clock.now(), setup_hash=None, setup_until=None)
            )
            await self._sessions.end_all(connection, row.id, but=session.id)
            await self._audit.record(Entry(row.id, "account/password", subject=row.id), connection)

    async def new_recovery_codes(self, session: Session, password: str, origin: Origin) -> Sequence[str]:
        """Ten new ones, shown this once; the old ones open nothing any more. Raises NotIn on a wrong password."""
        row = await self._confirmed("account/recovery-codes", session, password, origin)
        async with self._engine.begin() as connection:
            codes = await self._new_codes(connection, row.id)
            await self._audit.record(Entry(row.id, "account/recovery-codes", subject=row.id), connection)
        return codes

    async def confirm(self, session: Session, password: str, origin: Origin, *, action: str) -> None:
        """See that it is still the same person, before what is done in their name. Raises NotIn, noted as a failure of `action`."""
        await self._confirmed(action, session, password, origin)

    async def recovery_codes_left(self, identity: str) -> int:
        async with reading(self._engine).connect() as connection:
            return int(await connection.scalar(select(func.count()).where(_unused(identity))))

    def pending(self, session: Session) -> str | None:
        """The secret that a session which is enrolling has been offered."""
        return None if session.pending_sealed is None else self._seal.open(session.pending_sealed).decode()

    # -- the parts of a step ---------------------------------------------------------------------------------------

    async def _begin(self, what: str, name: str, origin: Origin) -> tuple[Any, Sequence[Counter]]:
        plain = plain_name(name)[:80]
        row = await self._row(staff.c.name == plain)
        return row, await self._attempt(what, plain, row.id if row else None, origin)

    async def _attempt(self, what: str, name: str, identity: str | None, origin: Origin) -> Sequence[Counter]:
        known = await self._sessions.knows(origin.device, identity) if identity else None
        counted = counters(what, name=name, address=origin.address, device=known)
        wait = await self._throttle.take(counted)
        if wait:
            seconds = int(wait.total_seconds()) + 1
            raise NotIn(f"That was tried too often. Try again in {_spoken(seconds)}.", wait=seconds)
        return counted

    async def _confirmed(self, action: str, session: Session, password: str, origin: Origin) -> Any:
        row = await self._row(staff.c.id == session.staff)
        counted = await self._attempt("password", row.name, row.id, origin)
        if not await self._passwords.is_right(row.password_hash, password):
            entry = Entry(
                row.id, action, subject=row.id, outcome="failure", details={"why": "wrong password"}
            )
            await self._audit.record(entry)
            raise NotIn("That is not your password.")
        await self._throttle.succeeded(counted)
        return row

    async def _next(
        self, connection: AsyncConnection, row: Any, browser: str, instead_of: str | None
    ) -> Came:
        """On to the second factor: to give it, or to set it up."""
        stage, pending = Stage.CODE, None
        if row.totp_sealed is None:
            stage, pending = Stage.ENROL, self._seal.seal(new_secret().encode())
        token = await self._sessions.begin(
            connection, row.id, stage, browser=browser, instead_of=instead_of, pending_sealed=pending
        )
        return Came(token, stage)

    async def _in(self, connection: AsyncConnection, session: Session, origin: Origin) -> Came:
        token = await self._sessions.begin(
            connection, session.staff, Stage.FULL, browser=origin.browser, instead_of=session.id
        )
        device = await self._sessions.remember(connection, origin.device, session.staff)
        return Came(token, Stage.FULL, device)

    async def _take_step(self, connection: AsyncConnection, row: Any, code: str) -> bool:
        """Whether the code is right and newer than any before: the condition is in the statement, so that two at once are one."""
        if row.totp_sealed is None:
            return False
        secret = self._seal.open(row.totp_sealed).decode()
        step = step_of(secret, code, at=clock.now(), after=row.totp_step)
        if step is None:
            return False
        newer = staff.c.totp_step.is_(None) | (staff.c.totp_step < step)
        done = await connection.execute(
            update(staff).where(staff.c.id == row.id, newer).values(totp_step=step)
        )
        return bool(done.rowcount == 1)

    async def _take_recovery(self, connection: AsyncConnection, row: Any, code: str) -> bool:
        query = (
            update(staff_recovery)
            .where(_unused(row.id), staff_recovery.c.code_hash == hash_of(code))
            .values(used_at=clock.now())
        )
        return bool((await connection.execute(query)).rowcount == 1)

    async def _new_codes(self, connection: AsyncConnection, identity: str) -> Sequence[str]:
        codes = [new_code() for _ in range(RECOVERY_CODES)]
        await connection.execute(delete(staff_recovery).where(staff_recovery.c.staff == identity))
        rows = [{"code_hash": hash_of(code), "staff": identity} for code in codes]
        await connection.execute(insert(staff_recovery), rows)
        return codes

    async def _wrong_code(self, action: str, session: Session, **details: object) -> None:
        """Count it, note it, and raise NotIn."""
        goes_on = await self._sessions.failed(session, at_most=CODES_A_SIGN_IN)
        await self._audit.record(
            Entry(session.staff, action, subject=session.staff, outcome="failure", details=details)
        )
        raise NotIn(WRONG_CODE if goes_on else BEGIN_AGAIN, is_over=not goes_on)

    async def _refused(self, action: str, row: Any, origin: Origin) -> None:
        # Not the name: people type their password there.
        details: dict[str, object] = {"account": "known" if row else "unknown"}
        if row is not None and row.disabled_at is not None:
            details["account"] = "disabled"
        subject = row.id if row else ""
        await self._audit.record(Entry(NOBODY, action, subject=subject, outcome="failure", details=details))

    async def _set(self, identity: str, **values: Any) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(update(staff).where(staff.c.id == identity).values(**values))

    async def _row(self, where: Any) -> Any:
        async with reading(self._engine).connect() as connection:
            return (await connection.execute(select(staff).where(where))).one_or_none()


def _unused(identity: str) -> Any:
    return (staff_recovery.c.staff == identity) & staff_recovery.c.used_at.is_(None)


def _spoken(seconds: int) -> str:
    if seconds == 1:
        return "a second"
    if seconds < 90:
        return f"{seconds} seconds"
    return f"{-(-seconds // 60)} minutes"
