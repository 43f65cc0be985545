"""`needlewise purge`, `export` and `erase`: what the page Privacy does, for whoever runs the server. Audited as the command line."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from needlewise.console.commands import ClinicOption, clinic_or_default, over
from needlewise.db.audit import COMMAND_LINE, Entry
from needlewise.errors import NeedlewiseError

if TYPE_CHECKING:
    from needlewise.conversations.forgetting import Removed
    from needlewise.privacy.patient import By, Found
    from needlewise.wiring import Services

ConversationOption = Annotated[
    str | None, typer.Option("--conversation", metavar="ID", help="Find the patient by a conversation.")
]
NumberOption = Annotated[
    bool, typer.Option("--number", help="Find the patient by a phone number, which is asked for.")
]
TokenOption = Annotated[
    bool, typer.Option("--token", help="Find the patient by a browser's token, which is asked for.")
]
OnlyOption = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="ID", help="Of what is found, only this conversation; may be repeated."),
]
ReasonOption = Annotated[
    str, typer.Option("--reason", help="Why, for the audit log. No patient's name in it.")
]
PassphraseOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file", help="Read the passphrase from this file's first line, not from the terminal."
    ),
]


def purge(
    clinic: ClinicOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what is due; take nothing away.")
    ] = False,
) -> None:
    """Take away what has been kept long enough, as the service does by itself every hour (docs/data-map.md)."""

    async def work(services: "Services") -> "dict[str, Removed]":
        if clinic is not None:
            services.library.clinic(clinic)
        clinics = [clinic] if clinic else sorted(services.library.clinics)
        if dry_run:
            return {one: await services.retention.due(one) for one in clinics}
        entry = Entry(COMMAND_LINE, "privacy/purge")
        return {one: await services.retention.purge(one, entry) for one in clinics}

    from needlewise.console.pages.privacy import in_words

    for one, removed in over(work).items():
        verb = "due" if dry_run else "taken away"
        print(f"{one}: {in_words(removed) + ' ' + verb if removed else 'nothing is due'}")


def export(
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where to write it.")] = None,
    clinic: ClinicOption = None,
    conversation: ConversationOption = None,
    number: NumberOption = False,
    token: TokenOption = False,
    only: OnlyOption = None,
    reason: ReasonOption = "",
    encrypt: Annotated[bool, typer.Option("--encrypt", help="Lock the file with a passphrase.")] = False,
    passphrase_file: PassphraseOption = None,
    open_file: Annotated[
        Path | None,
        typer.Option("--open", metavar="FILE", help="Open a locked file: to --out, or to standard output."),
    ] = None,
) -> None:
    """Write everything that is kept of one patient to a file that only you may read; or open such a file.

    The file is JSON; docs/data-map.md says what is in it. A phone number or a token is asked for, never given as an argument: those stand in
    the shell's history.
    """
    from needlewise.privacy.locked import lock, unlock, write_private

    if open_file is not None:
        try:
            data = open_file.read_bytes()
        except OSError as error:
            raise NeedlewiseError(f"cannot read {open_file}: {error.strerror}") from error
        content = unlock(data, _passphrase(passphrase_file, new=False))
        if out is None:
            sys.stdout.write(content.decode())
        else:
            write_private(out, content)
        return
    if out is None:
        raise NeedlewiseError("say with --out where to write it")
    if out.exists():
        raise NeedlewiseError(f"{out} is there already: choose another name")
    by, value = _subject(conversation, number, token)
    passphrase = _passphrase(passphrase_file, new=True) if encrypt or passphrase_file else None
    if passphrase is not None:
        lock(b"", passphrase)  # a bad one is told of before anything is opened

    async def work(services: "Services") -> tuple["Found", bytes]:
        found = await _found(services, clinic, by, value, only)
        entry = Entry(COMMAND_LINE, "privacy/export", reason=reason)
        return found, await services.patients.export(found, entry)

    found, content = over(work)
    write_private(out, content if passphrase is None else lock(content, passphrase))
    _tell(f"{out}: {_counts(found)}. Only you may read the file{' and it is locked' if passphrase else ''}.")


def erase(
    clinic: ClinicOption = None,
    conversation: ConversationOption = None,
    number: NumberOption = False,
    token: TokenOption = False,
    only: OnlyOption = None,
    requests: Annotated[
        bool, typer.Option("--requests", help="Their requests as well: nobody can call back then.")
    ] = False,
    reason: ReasonOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether to.")] = False,
) -> None:
    """Take away every word that is kept of one patient, for good. Consent, and a stop to texts, stay.

    A legal hold keeps what it is on. What is found is shown, and asked about, before anything goes.
    """
    from needlewise.console.pages.privacy import in_words
    from needlewise.privacy.patient import Erased

    by, value = _subject(conversation, number, token)

    async def work(services: "Services") -> Erased:
        found = await _found(services, clinic, by, value, only)
        for talk in found.talks:
            held = ", held" if talk.is_held else ""
            print(f"{talk.id}  {talk.channel}, {talk.started_at:%Y-%m-%d} to {talk.last_at:%Y-%m-%d}{held}")
        for asked in found.requests:
            print(f"{asked.reference}  {asked.kind}, {asked.created_at:%Y-%m-%d}")
        if not yes and not typer.confirm(f"Erase {_counts(found)}? It cannot be undone"):
            raise NeedlewiseError("nothing was erased")
        entry = Entry(COMMAND_LINE, "privacy/erase", reason=reason)
        return await services.patients.erase(found, entry, with_requests=requests)

    erased = over(work)
    _tell(f"Erased: {in_words(erased.removed) or 'nothing was left'}.")
    if erased.held:
        _tell(f"A legal hold keeps {', '.join(erased.held)}.")


def add_to(app: Any) -> None:
    """Make them commands of `needlewise`."""
    for command in (purge, export, erase):
        app.command()(command)


async def _found(
    services: "Services", clinic: str | None, by: "By", value: str, only: list[str] | None
) -> "Found":
    place = clinic_or_default(services, clinic)
    numbers = services.library.clinic(place).texting.numbers
    found = await services.patients.find(place, by, value, clinic_numbers=numbers)
    if only:
        kept = set(only)
        asked = [one.reference for one in found.requests if one.conversation in kept]
        found = found.only(kept, asked, ())
    if found.is_empty:
        raise NeedlewiseError(f"there is nothing of this patient at {place}")
    return found


def _subject(conversation: str | None, number: bool, token: bool) -> tuple["By", str]:
    if [conversation is not None, number, token].count(True) != 1:
        raise NeedlewiseError("say how to find the patient: --conversation ID, --number or --token")
    if conversation is not None:
        return "conversation", conversation
    words = "Phone number" if number else "Token"
    return ("number" if number else "token"), str(typer.prompt(words, err=True, hide_input=token))


def _passphrase(file: Path | None, *, new: bool) -> str:
    if file is None:
        return str(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=new, err=True))
    try:
        return file.read_text(encoding="utf-8").split("\n")[0]
    except OSError as error:
        raise NeedlewiseError(f"cannot read {file}: {error.strerror}") from error


def _counts(found: "Found") -> str:
    from needlewise.console.pages.privacy import in_words
    from needlewise.conversations.forgetting import Removed

    counts = Removed(conversations=len(found.talks), requests=len(found.requests), numbers=len(found.threads))
    return in_words(counts)


def _tell(line: str) -> None:
    typer.echo(line, err=True)
