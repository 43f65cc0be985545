"""`needlewise staff` and `needlewise audit`: for whoever runs the server. They need no sign-in, and are audited as the command line."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from needlewise.db.audit import COMMAND_LINE, Entry, parse_head
from needlewise.errors import NeedlewiseError
from needlewise.settings import Settings, read_settings

if TYPE_CHECKING:
    from needlewise.console.accounts import Accounts
    from needlewise.wiring import Services

T = TypeVar("T")

staff_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Accounts of the staff console: add, list, change, reset.",
)
audit_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The log of who did what.")

out = Console()
err = Console(stderr=True)

NameArgument = Annotated[str, typer.Argument(help="What the person signs in with.")]
ClinicOption = Annotated[
    str | None, typer.Option("--clinic", help="The clinic's id: a file name in content/clinics.")
]
RoleOption = Annotated[
    list[str] | None,
    typer.Option("--role", help="reader, reviewer, editor, clinician or admin; give it again for several."),
]


@staff_app.command("add")
def add(name: NameArgument, clinic: ClinicOption = None, role: RoleOption = None) -> None:
    """Add a person, and print the one-time code with which they choose a password.

    The very first person gets every role at the clinic unless --role says otherwise.
    """
    from needlewise.console.accounts import SETUP_HOURS
    from needlewise.console.roles import Role

    async def work(services: "Services", accounts: "Accounts") -> tuple[str, str]:
        place = clinic_or_default(services, clinic)
        given = _roles(role)
        if not given:
            if await accounts.any():
                raise NeedlewiseError("say with --role what the person may do")
            given = frozenset(Role)
        account, code = await accounts.add(
            name, {place: given}, Entry(COMMAND_LINE, "staff/add", clinic=place)
        )
        return account.name, code

    account, code = _over(work)
    _print_code(account, code, SETUP_HOURS)


@staff_app.command("list")
def list_staff(clinic: ClinicOption = None) -> None:
    """List accounts and their roles."""

    async def work(services: "Services", accounts: "Accounts") -> Any:
        await services.audit.record(Entry(COMMAND_LINE, "staff/list", clinic=clinic or ""))
        return await accounts.all()

    table = Table("name", "roles", "state")
    for one in _over(work):
        if clinic is not None and clinic not in one.roles:
            continue
        roles = "; ".join(
            f"{place}: {', '.join(sorted(given))}" for place, given in sorted(one.roles.items())
        )
        state = "disabled" if one.is_disabled else "in use" if one.is_set_up else "not set up"
        table.add_row(one.name, roles, state)
    out.print(
        table if table.row_count else "Nobody yet: `needlewise staff add NAME` makes the first account."
    )


@staff_app.command("roles")
def roles(name: NameArgument, clinic: ClinicOption = None, role: RoleOption = None) -> None:
    """Give a person exactly these roles at one clinic; without --role, none there any more."""

    async def work(services: "Services", accounts: "Accounts") -> None:
        place = clinic_or_default(services, clinic)
        account = await accounts.named(name)
        await accounts.set_roles(account, place, _roles(role), Entry(COMMAND_LINE, "staff/roles"))

    _over(work)
    err.print("Done.", highlight=False)


@staff_app.command("disable")
def disable(name: NameArgument) -> None:
    """Sign a person out everywhere and let them in no more. What they did stays in the log."""

    async def work(services: "Services", accounts: "Accounts") -> None:
        await accounts.disable(await accounts.named(name), Entry(COMMAND_LINE, "staff/disable"))

    _over(work)
    err.print("Done.", highlight=False)


@staff_app.command("enable")
def enable(name: NameArgument) -> None:
    """Let a disabled person in again."""

    async def work(services: "Services", accounts: "Accounts") -> None:
        await accounts.enable(await accounts.named(name), Entry(COMMAND_LINE, "staff/enable"))

    _over(work)
    err.print("Done.", highlight=False)


@staff_app.command("reset")
def reset(
    name: NameArgument,
    second_factor: Annotated[
        bool, typer.Option("--second-factor", help="Also set up the second factor anew: the phone is lost.")
    ] = False,
) -> None:
    """Take a person's password away and print a one-time code for choosing another. They are signed out everywhere."""
    from needlewise.console.accounts import SETUP_HOURS

    async def work(services: "Services", accounts: "Accounts") -> tuple[str, str]:
        account = await accounts.named(name)
        entry = Entry(COMMAND_LINE, "staff/reset")
        return account.name, await accounts.reset(account, entry, second_factor=second_factor)

    account, code = _over(work)
    _print_code(account, code, SETUP_HOURS)


@audit_app.command("verify")
def verify(
    known: Annotated[
        str | None,
        typer.Option(
            "--known", metavar="NUMBER:HASH", help="A head noted earlier, which must still be there."
        ),
    ] = None,
) -> None:
    """See that no row of the audit log was changed, removed, added or moved. Exit code 1, and where, when one was.

    Note the printed head somewhere else now and again, and give it with --known: a database that was put back to an earlier day is whole in itself.
    """
    head = parse_head(known) if known else None

    async def work(services: "Services", accounts: "Accounts") -> Any:
        return await services.audit.verify(head)

    found = _over(work)
    if found.broken:
        print(f"The audit log is broken: {found.broken}. Rows that are right before it: {found.rows}.")
        raise typer.Exit(1)
    print(f"The audit log is whole: {found.rows} rows. Its head is {found.head}")


def has_staff(settings: Settings) -> bool:
    """Whether anybody could sign in to the console."""
    from needlewise.console.accounts import Accounts
    from needlewise.wiring import Services

    async def run() -> bool:
        services = Services(settings)
        try:
            return await Accounts(services.engine, services.audit).any()
        finally:
            await services.engine.dispose()

    return asyncio.run(run())


def over(work: Callable[["Services"], Coroutine[Any, Any, T]]) -> T:
    """Do it over the deployment's database, brought up to date and readable with our key."""
    from needlewise import wiring
    from needlewise.db.engine import migrate
    from needlewise.db.sealing import check_key

    services = wiring.build(read_settings())
    migrate(services.settings.database_url)

    async def run() -> T:
        try:
            await check_key(services.engine, services.seal)
            return await work(services)
        finally:
            await services.locks.close()
            await services.reading.dispose()
            await services.engine.dispose()

    return asyncio.run(run())


def clinic_or_default(services: "Services", clinic: str | None) -> str:
    """The clinic of this id, or the default one. Raises ContentError where there is none."""
    place = clinic or services.settings.default_clinic
    services.library.clinic(place)
    return place


def _over(work: Callable[["Services", "Accounts"], Coroutine[Any, Any, T]]) -> T:
    """The same for what is done with accounts."""
    from needlewise.console.accounts import Accounts

    return over(lambda services: work(services, Accounts(services.engine, services.audit)))


def _roles(names: list[str] | None) -> "frozenset[Any]":
    from needlewise.console.roles import Role

    try:
        return frozenset(Role(name) for name in names or ())
    except ValueError:
        raise NeedlewiseError(f"a role is one of {', '.join(Role)}") from None


def _print_code(name: str, code: str, hours: int) -> None:
    print(f"{name}\n{code}")
    err.print(
        f"Give this one-time code to the person, not by e-mail. At /staff/set-up they choose a password with it. It is good for {hours} hours.",
        highlight=False,
        soft_wrap=True,
    )
