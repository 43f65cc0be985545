"""`needlewise`: run it, talk to it, check it, and look after what it says and keeps."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.panel import Panel
from rich.progress import Progress
from rich.table import Table

from needlewise.console import privacy_commands
from needlewise.console.commands import audit_app, has_staff, staff_app
from needlewise.errors import NeedlewiseError
from needlewise.logs import configure_logs, quiet_libraries
from needlewise.settings import Settings, read_settings

if TYPE_CHECKING:
    from needlewise.booking.requests import Kept
    from needlewise.dialogue.turn import Turn, Turns
    from needlewise.language.encoder import Vectors
    from needlewise.nlu.corpus import Example
    from needlewise.wiring import Services

T = TypeVar("T")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=__doc__,
)
content_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The answers: begin a topic, find the stale ones, write them out.",
)
bookings_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Requests that patients sent.")
key_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The key that encrypts patients' words."
)
nlu_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The examples that the assistant learns from: which are missing, doubled, or mixed up.",
)
app.add_typer(content_app, name="content")
app.add_typer(nlu_app, name="nlu")
app.add_typer(bookings_app, name="bookings")
app.add_typer(key_app, name="key")
app.add_typer(staff_app, name="staff")
app.add_typer(audit_app, name="audit")
privacy_commands.add_to(app)

out = Console()
err = Console(stderr=True)

ClinicOption = Annotated[
    str | None, typer.Option("--clinic", help="The clinic's id: a file name in content/clinics.")
]

IntentOption = Annotated[
    str | None, typer.Option("--intent", help="Only this intent; then everything found is shown.")
]


def main() -> None:
    """Run the command line. A mistake of the caller is one plain line and exit code 2."""
    quiet_libraries()
    try:
        app()
    except NeedlewiseError as error:
        err.print(f"needlewise: {error}", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on.")] = None,
) -> None:
    """Start the service: website chat, demo page, health and metrics. Trains first when needed."""
    import uvicorn

    from needlewise.app import create_app
    from needlewise.dialogue.training import is_trained

    settings = read_settings()
    if settings.production:
        _refuse_unready(settings)
    configure_logs(as_json=not sys.stderr.isatty())
    host, port = host or settings.host, port or settings.port
    if not is_trained(settings):
        _train(settings, force=False)
    address = f"http://{'localhost' if host == '127.0.0.1' else host}:{port}"
    service = create_app(settings)
    if not has_staff(settings):
        _tell(
            "There is no staff account yet: `needlewise staff add NAME` makes the first, for the console at /staff."
        )
    err.print(f"Needlewise is at {address} in a few seconds. Stop it with Ctrl-C.", highlight=False)
    uvicorn.run(
        service,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        ws="none",  # there are no web sockets here, and the pinned websockets is too old for uvicorn
        server_header=False,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=5,
    )


@app.command()
def worker() -> None:
    """Answer text messages and send texts and mail, beside web processes that leave it to this one (NEEDLEWISE_WORKER)."""
    import signal

    from needlewise.app import work
    from needlewise.dialogue.training import is_trained

    settings = read_settings()
    if settings.production:
        _refuse_unready(settings)
    configure_logs(as_json=not sys.stderr.isatty())
    if not is_trained(settings):
        _train(settings, force=False)

    async def until_stopped() -> None:
        stopping = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, stopping.set)
        await work(settings, stopping)

    asyncio.run(until_stopped())


@app.command()
def train(
    force: Annotated[bool, typer.Option("--force", help="Train even when nothing changed.")] = False,
) -> None:
    """Train the model if what it is made from changed."""
    settings = read_settings()
    _train(settings, force=force)


@app.command()
def chat(clinic: ClinicOption = None) -> None:
    """Talk with the assistant in this terminal. Nothing is stored. A number picks a choice; an empty line ends it."""
    session = _Session.begin(clinic)
    session.show(session.opening)
    while text := _ask_line():
        session.show(session.say(text).outgoing)


@app.command()
def sms(
    clinic: ClinicOption = None,
    number: Annotated[str | None, typer.Option(help="The patient's number, as +12025550123.")] = None,
    script: Annotated[
        Path | None, typer.Option(help="Send the lines of this file, and print a transcript.")
    ] = None,
    cents: Annotated[float | None, typer.Option(min=0, help="What one part costs to send, in cents.")] = None,
) -> None:
    """Text with the assistant as a patient would, in this terminal: the real webhook and outbox, and nothing leaves the machine.

    Nothing is stored. "[picture]" sends a picture; an empty line ends it.
    """
    from needlewise.channels.sms import phone as phones

    _configure_quietly()
    services = _unstored(clinic, change=phones.texting_settings)
    lines = phones.script_lines(script) if script else None
    per_part = phones.CENTS_PER_PART if cents is None else cents
    with err.status("Loading the assistant…"):
        turns = services.load_turns()

    def show(bubble: phones.Bubble) -> None:
        if lines is None:
            phones.drawn(bubble, out, cents=per_part)
        else:
            print(phones.plain(bubble, cents=per_part), flush=True)

    async def text() -> None:
        chosen = clinic or services.settings.default_clinic
        seen: list[phones.Bubble] = []
        async with phones.switched_on(
            services, turns, clinic=chosen, number=number or phones.NUMBER
        ) as phone:
            waiting = iter(lines) if lines is not None else iter(_ask_line, "")
            for line in waiting:
                sent = phones.Bubble(line, mine=True)
                if lines is not None:
                    show(sent)
                came = await phone.send(line)
                for bubble in came:
                    show(bubble)
                if not came:
                    _tell("  (no reply)")
                seen += [sent, *came]
        _tell(phones.total(seen, cents=per_part))

    _run(text())


@app.command("demo-data")
def demo_data(
    conversations: Annotated[
        int, typer.Option(min=1, max=100_000, help="How many shall stand in the end.")
    ] = 500,
    clinic: ClinicOption = None,
    seed: Annotated[int, typer.Option(help="Another number makes other patients.")] = 1,
) -> None:
    """Fill a local database with made-up conversations, so that one can look around in the console.

    Made-up patients talk with the real assistant: 500 take some minutes. Stop it with Ctrl-C; the next run goes on. The console says on every
    page that nobody is real. Refused in production, and where a conversation with a patient is stored.
    """
    from needlewise import wiring
    from needlewise.console.commands import clinic_or_default, over
    from needlewise.demo import filling

    _configure_quietly()

    async def work(services: "Services") -> int:
        await filling.refuse(services)
        place = clinic_or_default(services, clinic)
        wiring.use(services)
        with err.status("Loading the assistant…"):
            turns = services.load_turns()
        with Progress(console=err) as progress:
            task = progress.add_task("Conversations", total=conversations)
            return await filling.fill(
                services,
                turns,
                number=conversations,
                clinics=[place],
                seed=seed,
                told=lambda done, of: progress.update(task, completed=done, total=of),
            )

    added = over(work)
    _tell(f"{added} conversations were added. `needlewise serve`, and look at /staff.")


@app.command()
def ask(
    text: Annotated[str, typer.Argument(help="What a patient would write.")],
    clinic: ClinicOption = None,
) -> None:
    """Ask one question and print the answer."""
    session = _Session.begin(clinic)
    session.show(session.say(text).outgoing)


@app.command()
def check(
    production: Annotated[
        bool,
        typer.Option("--production", help="Also refuse clinic profiles that are not ready for patients."),
    ] = False,
    clinic: ClinicOption = None,
) -> None:
    """Check content, training data and domain; print what is wrong as file:line."""
    from needlewise.content.check import check_all

    findings = check_all(read_settings(), production=production, clinic=clinic)
    for finding in findings:
        out.print(str(finding), markup=False, highlight=False, soft_wrap=True)
    if findings:
        err.print(f"{len(findings)} findings", highlight=False)
        raise typer.Exit(1)
    err.print("All is well.", highlight=False)


@app.command()
def embed(
    clinic: ClinicOption = None,
    host: Annotated[
        str | None, typer.Option(help="The service's address as patients reach it: https://chat.example.com")
    ] = None,
) -> None:
    """Print the lines that a clinic pastes into its website to have the chat there (docs/widget.md)."""
    from needlewise.content.snippet import service_address, snippet

    services = _services(clinic)
    settings = services.settings
    address = service_address(host or f"http://{settings.host}:{settings.port}")
    place = services.place(clinic, "web", "en")
    print(snippet(place, services.renderer, address), end="")
    if not place.clinic.contact.phone:
        _tell("The clinic's profile has no phone number, so there is nothing to show while the chat is away.")


@app.command()
def understand(clinic: ClinicOption = None) -> None:
    """Read {"text": …} or {"turns": […]} lines from standard input; write what the service would decide of each last message."""
    _configure_quietly()
    services = _unstored(clinic)
    turns = services.load_turns()
    for number, line in _json_lines():
        texts = line.get("turns") if "turns" in line else [line.get("text")]
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            raise NeedlewiseError(f'line {number}: give {{"text": "…"}} or {{"turns": ["…", …]}}')
        session = _Session(services, turns, clinic)
        turn = None
        for text in texts:
            turn = session.say(text)
        assert turn is not None
        print(json.dumps(_decision(turn)), flush=True)


@app.command()
def screen(clinic: ClinicOption = None) -> None:
    """Read sheets of facts, one JSON object a line, from standard input; write the outcome and the rows that decided it.

    A fact is a condition of content/screening.yml, or a card, with true, false or "unsure": {"blood_thinner": true}. {"text": "…"} reads
    the facts from a patient's words.
    """
    from needlewise.language.pipeline import load_pipeline
    from needlewise.screening.rules import Outcome, Status

    services = _services(clinic)
    policy = {
        name: Outcome(value)
        for name, value in services.place(clinic, "web", "en").clinic.screening_policy.items()
    }
    values: dict[Any, Status] = {
        True: Status.PRESENT,
        False: Status.ABSENT,
        "unsure": Status.UNSURE,
        **{s.value: s for s in Status},
    }
    for number, line in _json_lines():
        if isinstance(line.get("text"), str):
            facts = services.reader.facts(load_pipeline()(line["text"]))
        else:
            sheet = line.get("facts", line)
            if isinstance(sheet, list):
                sheet = dict.fromkeys(sheet, True)
            try:
                facts = {str(name): values[value] for name, value in sheet.items()}
            except (KeyError, TypeError, AttributeError):
                raise NeedlewiseError(f'line {number}: a fact is true, false or "unsure"') from None
        ruling = services.screening.decide(facts, policy)
        print(
            json.dumps(
                {
                    "outcome": ruling.outcome.value,
                    "doctor_first": ruling.doctor_first,
                    "guardian": ruling.guardian,
                    "rows": list(ruling.rows),
                    "facts": {name: status.value for name, status in facts.items()},
                }
            ),
            flush=True,
        )


@content_app.command("new-topic")
def new_topic(
    topic: Annotated[str, typer.Argument(help="The topic's id, in small letters and underscores.")],
) -> None:
    """Create the files of a new topic, with what to fill in, and say where else it is named."""
    from needlewise.content.new_topic import create_topic

    for path in create_topic(read_settings().root, topic):
        out.print(str(path), markup=False, highlight=False)
    err.print(
        "Now add the id to needlewise/nlu/taxonomy.py, domain.yml and data/stories/questions.yml, then run `needlewise check`."
    )


@content_app.command("schema")
def schema() -> None:
    """Write the schemas that editors check the files under content/ with."""
    from needlewise.content.schema import write_schemas

    for path in write_schemas(read_settings().content):
        out.print(str(path), markup=False, highlight=False)


@content_app.command("stale")
def stale(
    days: Annotated[int, typer.Option(min=0, help="Also list answers due within so many days.")] = 30,
) -> None:
    """List answers that someone must read again, the longest overdue first."""
    from datetime import timedelta

    from needlewise import clock

    today = clock.now().date()
    answers = _services(None).library.answers.values()
    due = sorted(
        (a for a in answers if a.review_by <= today + timedelta(days=days)), key=lambda a: a.review_by
    )
    for answer in due:
        out.print(f"{answer.review_by}  {answer.topic}", highlight=False)
    if not due:
        err.print(f"No answer is due within {days} days.", highlight=False)


@content_app.command("export")
def export() -> None:
    """Write what was changed in the console into the files under content/, so that a pull request can carry it."""
    from needlewise.content.export import export as write

    services = _stored()
    _run(services.live_content.refresh())
    done = write(services.settings.content, services.library, _run(services.revisions.standing()).values())
    for path in done.written:
        out.print(str(path), markup=False, highlight=False, soft_wrap=True)
    for version in done.left:
        err.print(
            f"{version.key}: {version.clinic}'s own words stay in the database, for a file holds every clinic's.",
            highlight=False,
        )
    if not done.written:
        err.print("The files say all that the console does.", highlight=False)


@content_app.command("signatures")
def signatures(
    clinic: ClinicOption = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 while anything is not signed.")
    ] = False,
) -> None:
    """Say how every answer, red-flag rule and screening row stands with a clinic's clinician."""
    from needlewise.content.signing import papers_of

    services = _stored()
    clinic = clinic or services.settings.default_clinic
    _run(services.live_content.refresh())
    papers = papers_of(services.settings.content, services.library, clinic=clinic)
    standing = _run(services.signatures.standing(papers, clinic, services.zone(clinic)))
    for paper in standing:
        by = f"  {paper.signature.signed_as}" if paper.state.holds and paper.signature else ""
        _print_line(f"{paper.state.value:9} {paper.kind:10} {paper.key}{by}")
    open_ = sum(not paper.state.holds for paper in standing)
    err.print(f"{len(standing) - open_} of {len(standing)} are signed for {clinic}.", highlight=False)
    if strict and open_:
        raise typer.Exit(1)


@content_app.command("print")
def print_answers(
    clinic: ClinicOption = None,
    channel: Annotated[str, typer.Option(help="web or sms.")] = "web",
) -> None:
    """Write every answer as this clinic's patients would read it, as one Markdown page, for printing and review."""
    from needlewise.content.render import Place

    services = _stored()
    if clinic is not None:
        services.library.clinic(clinic)
    _run(services.live_content.refresh())
    if channel not in ("web", "sms"):
        raise NeedlewiseError(f"--channel must be web or sms, not {channel}")
    place = services.place(clinic, channel, "en")
    print(f"# What patients of {place.clinic.name} read ({channel})\n")
    for topic in services.library.answers:
        answer = services.library.answer(topic, place.clinic.clinic)
        print(
            f"## {answer.en.title}\n\n`{topic}`, version {answer.version}. Not yet signed by a clinician.\n"
        )
        parts = ["web", *(["more"] if answer.en.more else []), *answer.en.follow_ups]
        for part in parts if channel == "web" else ["web"]:
            heading = "" if part == "web" else f"*{part.replace('_', ' ')}*: "
            print(
                f"{heading}{services.renderer.answer(topic, Place(place.clinic, channel), part=part).text}\n"
            )
        sources = [services.library.sources[name] for name in answer.sources]
        print("".join(f"- {s.title}. {s.publisher}{f', {s.year}' if s.year else ''}.\n" for s in sources))


@bookings_app.command("list")
def list_bookings(
    clinic: ClinicOption = None,
    limit: Annotated[int, typer.Option(min=1, max=10000)] = 50,
    is_open: Annotated[bool, typer.Option("--open", help="Only those that still wait for somebody.")] = False,
) -> None:
    """List requests, the newest first; no personal data is shown."""
    from needlewise.booking.queue import OPEN, is_overdue

    services = _stored()
    if clinic is not None:
        services.library.clinic(clinic)
    kept = _run(services.requests.list(clinic, limit, states=OPEN if is_open else ()))
    table = Table("reference", "clinic", "kind", "state", "outcome", "location", "sent", "answer by")
    for entry in kept:
        request = entry.request
        due = f"{entry.expected_by:%Y-%m-%d %H:%M}" if entry.expected_by else ""
        due += " overdue" if is_overdue(entry) else ""
        sent = f"{entry.created_at:%Y-%m-%d %H:%M}"
        table.add_row(
            entry.reference,
            request.clinic,
            request.kind,
            entry.state.replace("_", " "),
            request.outcome or "",
            request.location or "",
            sent,
            due,
        )
    out.print(table if kept else "No requests yet.")


@bookings_app.command("show")
def show_booking(reference: str) -> None:
    """Show one request with the patient's name and how to reach them. The audit log notes it."""
    from needlewise.db.audit import COMMAND_LINE, Entry

    services = _stored()

    async def shown() -> "Kept":
        found = await services.requests.show(reference)
        entry = Entry(COMMAND_LINE, "request/reveal", found.request.clinic, found.reference)
        await services.audit.record(entry)
        return found

    kept = _run(shown())
    request, details = kept.request, kept.request.details
    place = services.place(request.clinic, "sms", "en")
    lines = {
        "Reference": kept.reference,
        "Clinic": place.clinic.name,
        "Kind": request.kind,
        "State": kept.state.replace("_", " "),
        "Name": details.first_name,
        "Reach them at": details.contact,
        "Times": details.times,
        "Location": request.location or "any",
        "Visit": request.visit_kind or "",
        "Screening": request.outcome or "not screened",
        "Tell the therapist": " ".join(services.renderer.words(key, place) for key in details.tell),
        "Agreed to contact": f"{kept.created_at:%Y-%m-%d %H:%M} UTC",
    }
    for name, value in lines.items():
        if value:
            out.print(f"{name + ':':20}{value}", markup=False, highlight=False, soft_wrap=True)


@key_app.command("make")
def make_key() -> None:
    """Print a new key for NEEDLEWISE_KEY."""
    from cryptography.fernet import Fernet

    print(Fernet.generate_key().decode("ascii"))


@key_app.command("rotate")
def rotate_key() -> None:
    """Encrypt everything stored with NEEDLEWISE_KEY; the keys it was written with stand in NEEDLEWISE_OLD_KEYS until then."""
    from needlewise.db.rotation import rotate

    services = _stored()
    count = _run(rotate(services.engine, services.seal))
    err.print(f"{count} rows are under the new key. NEEDLEWISE_OLD_KEYS can be removed now.", highlight=False)


@nlu_app.command("coverage")
def nlu_coverage(
    duplicates: Annotated[
        bool, typer.Option("--duplicates", help="Also list each near-duplicate and what it repeats.")
    ] = False,
) -> None:
    """Show which intents have few examples, or much the same ones.

    Spread is the mean distance of the examples to their centre: where it is low, they say much the same. Near-duplicates have the words
    of an earlier example, or nearly its meaning; they teach nothing new. MOST_ASKED in needlewise/nlu/taxonomy.py names the intents that
    need more examples than the others. The exit code is 1 when an intent has too few.
    """
    from needlewise.nlu.corpus import coverage

    rows = coverage(*_encoded_examples())
    table = Table("intent", "examples", "wanted", "spread", "near-duplicates")
    for row in rows:
        style = "bold red" if row.is_short else None
        table.add_row(
            row.intent,
            str(row.examples),
            str(row.wanted),
            f"{row.spread:.2f}",
            str(len(row.repeats)),
            style=style,
        )
    out.print(table)
    if duplicates:
        for row in rows:
            for example, earlier in row.repeats:
                _print_line(f"{_shown(example)}  =  {_shown(earlier)}")
    if short := [row.intent for row in rows if row.is_short]:
        _tell(f"Too few examples: {', '.join(short)}.")
        raise typer.Exit(1)
    _tell("Every intent has as many examples as are wanted.")


@nlu_app.command("confusions")
def nlu_confusions(
    intent: IntentOption = None,
    pairs: Annotated[int, typer.Option(min=1, help="How many pairs of intents to show.")] = 15,
    each: Annotated[int, typer.Option(min=1, help="How many examples of a pair to show.")] = 4,
) -> None:
    """Show which intents are mixed up, and by which examples.

    Each example is left out in turn, and the five examples nearest to it say which intent it would get. Where that is another one,
    both examples are shown: the one mistaken, and the one that draws it. Some pairs border on each other and always will; look for
    examples under the wrong intent, and for intents that lack examples of one way to ask.

    Below stand examples that are closer to the centre of another intent than to that of their own: the odd ones out.
    The assistant itself weighs every example, so it mixes up fewer than are counted here.
    """
    from needlewise.nlu.corpus import confusions, strays

    examples, vectors = _encoded_examples(intent)
    found = [pair for pair in confusions(examples, vectors) if intent in (None, *pair.intents)]
    for pair in found if intent else found[:pairs]:
        first, second = pair.intents
        _print_line(f"{first} / {second}: {len(pair.cases)}")
        for case in pair.cases if intent else pair.cases[:each]:
            _print_line(f"  {_shown(case.example)}  ->  {_shown(case.drawn_by)}")
    away = [stray for stray in strays(examples, vectors) if intent in (None, stray.example.intent)]
    if away:
        _print_line("\nCloser to another intent's centre than to their own")
    for stray in away if intent else away[: pairs * each]:
        _print_line(f"  {_shown(stray.example)}  ->  {stray.closer_to}, by {stray.by:.2f}")
    mistaken = sum(len(pair.cases) for pair in found)
    _tell(
        f"{len(examples)} examples. Taken for another intent: {mistaken}, in {len(found)} pairs. "
        f"Closer to another centre: {len(away)}."
    )


@nlu_app.command("suggest")
def nlu_suggest(
    file: Annotated[str, typer.Argument(help="Sentences, one a line; - reads standard input.")] = "-",
    clinic: ClinicOption = None,
) -> None:
    """List patients' sentences that were not understood.

    They are those that the assistant declined or was unsure of, as lines for data/nlu, grouped by the nearest intent, which is a guess.
    Put each where it belongs, change its wording, and leave out what belongs nowhere. Nothing is written to any file.

    Patients' words must be freed of personal data before they become examples. Names, phone numbers and the like are masked here,
    but no mask finds everything: read each line.
    """
    from needlewise.language.pipeline import load_pipeline
    from needlewise.nlu.corpus import Guess, suggestions
    from needlewise.nlu.taxonomy import DECLINED
    from needlewise.text.normalise import normalise

    sentences = _sentences(file)
    _tell(
        "These are patients' words. Free them of personal data first; what is masked below is what was found."
    )
    _configure_quietly()
    services = _unstored(clinic)
    with err.status("Loading the assistant…"):
        turns = services.load_turns()

    def understand(text: str) -> Guess:
        heard = _Session(services, turns, clinic).say(text).heard
        sure = heard is None or not (heard.offered or heard.act == DECLINED)
        return Guess(sure, "" if sure else turns.nearest(text))

    def mask(text: str) -> str:
        return services.redactor.redact(load_pipeline()(normalise(text))).text

    groups = suggestions(sentences, understand, mask)
    for intent, texts in groups.items():
        print(f"# nearest to {intent}: {len(texts)}")
        for text in texts:
            print(f"    - {text}")
    _tell(f"{sum(map(len, groups.values()))} of {len(sentences)} sentences were declined or unsure.")


@nlu_app.command("export-examples")
def nlu_export_examples(
    to: Annotated[
        Path | None, typer.Option("--to", help="A file of its own, in place of data/nlu/console.yml.")
    ] = None,
) -> None:
    """Write the examples that editors accepted in the console to data/nlu/console.yml.

    What data/nlu holds already is left out, and so is whatever no example may be: a mask, a phone number, a test sentence. Those are listed.
    The next start trains the model with the file. Read it before it goes into a pull request: patients wrote it.
    """
    from needlewise.teaching.examples import accepted
    from needlewise.teaching.training_file import FILE, export

    services = _stored()
    written = export(services.settings.root, _run(accepted(services.engine)), to=to)
    for example, fault in written.left_out:
        _print_line(f"left out, {example.intent}: {example.text}  ({fault.value})")
    if not written.added:
        _tell("There is nothing new to write.")
        return
    _tell(f"{to or FILE}: new examples: {len(written.added)}. Read them, then run `needlewise check`.")


class _Session:
    """A conversation held in memory, for the terminal and for bulk tests: the same turns as the service's, nothing stored."""

    def __init__(self, services: "Services", turns: "Turns", clinic: str | None) -> None:
        from needlewise.conversations.log import Conversation
        from needlewise.conversations.state import State

        self._turns = turns
        self._place = services.place(clinic, "web", "en")
        self._conversation = Conversation("terminal", self._place.clinic.clinic, "web", "en")
        self.opening, self._state = turns.open(self._place, State())
        self._choices: list[str] = []
        self._runner = asyncio.Runner()

    @classmethod
    def begin(cls, clinic: str | None) -> "_Session":
        _configure_quietly()
        services = _unstored(clinic)
        with err.status("Loading the assistant…"):
            turns = services.load_turns()
        return cls(services, turns, clinic)

    def say(self, text: str) -> "Turn":
        from needlewise import clock
        from needlewise.conversations.log import Inbound

        inbound = Inbound(text)
        if text.isdigit() and 0 < int(text) <= len(self._choices):
            inbound = Inbound(choices=(self._choices[int(text) - 1],))
        turn = self._runner.run(
            self._turns.take(self._conversation, self._place.clinic, inbound, self._state, at=clock.now())
        )
        self._state = turn.state
        self._choices = []
        return turn

    def show(self, outgoing: Any) -> None:
        for message in outgoing:
            urgent = message.kind in ("urgent", "crisis")
            out.print(
                Panel(
                    Markdown(message.wire["text"]),
                    border_style="red" if urgent else "cyan",
                    width=min(out.width, 90),
                )
            )
            for note in message.wire["answers"]:
                titles = "; ".join(f"{source['title']} ({source['publisher']})" for source in note["sources"])
                if titles:
                    out.print(f"  From: {titles}", style="dim", markup=False, highlight=False)
            for choice in message.wire["choices"]:
                self._choices.append(choice["id"])
                out.print(f"  {len(self._choices)}. {choice['label']}", markup=False, highlight=False)


def _decision(turn: "Turn") -> dict[str, Any]:
    heard, level = turn.heard, turn.verdict.level
    alone = level not in (None, "doctor")
    return {
        "topics": [] if alone or heard is None else list(heard.topics),
        "offered": [] if alone or heard is None else list(heard.offered),
        "act": heard.act if heard else ("opt_out" if turn.opt_out else None),
        "safety": level,
        "rule": turn.verdict.rule,
        "opt_out": turn.opt_out,
        "confidence": round(heard.confidence, 4) if heard else 1.0,
    }


def _services(clinic: str | None) -> "Services":
    from needlewise import wiring

    services = wiring.build(read_settings())
    wiring.use(services)
    if clinic is not None:
        services.library.clinic(clinic)
    return services


def _unstored(
    clinic: str | None, *, change: Callable[[Settings], Settings] = lambda settings: settings
) -> "Services":
    """The services over a database that is gone with the process, so that trying things out reaches no clinic."""
    import atexit
    import dataclasses
    import shutil
    import tempfile

    from needlewise import wiring
    from needlewise.db.engine import migrate

    folder = tempfile.mkdtemp(prefix="needlewise-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    services = _services(clinic)
    services = wiring.build(
        # Nothing is signed in an empty database: to try things out, answers are told all the same.
        change(
            dataclasses.replace(
                services.settings, database_url=f"sqlite:///{folder}/tried.db", demand_signatures=False
            )
        )
    )
    wiring.use(services)
    migrate(services.settings.database_url)
    return services


def _stored() -> "Services":
    """The services over a database that is up to date and readable with our key."""
    from needlewise.db.engine import migrate
    from needlewise.db.sealing import check_key

    services = _services(None)
    migrate(services.settings.database_url)
    _run(check_key(services.engine, services.seal))
    return services


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def _train(settings: Settings, *, force: bool) -> None:
    from needlewise.dialogue.training import ensure_model, is_trained

    if is_trained(settings) and not force:
        err.print("The model is up to date.", highlight=False)
        return
    _configure_quietly()
    with err.status(
        "Training the model from data/ and config.yml; this takes about a minute, only the first time…"
    ):
        path = ensure_model(settings, force=force)
    err.print(f"Trained {path.name}.", highlight=False)


def _refuse_unready(settings: Settings) -> None:
    from needlewise.content.check import check_all

    for clinic in _services(None).library.clinics:
        if findings := check_all(settings, production=True, clinic=clinic):
            raise NeedlewiseError(
                f"not ready for patients: {findings[0]} ({len(findings)} findings; "
                f"see `needlewise check --production --clinic {clinic}`, or leave it out of NEEDLEWISE_CLINICS)"
            )


def _configure_quietly() -> None:
    import logging

    configure_logs(level=logging.ERROR, as_json=False)


def _json_lines() -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(sys.stdin, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError:
            raise NeedlewiseError(f"line {number} is not JSON") from None
        if not isinstance(value, dict):
            raise NeedlewiseError(f"line {number} must be a JSON object")
        yield number, value


def _encoded_examples(intent: str | None = None) -> tuple[tuple["Example", ...], "Vectors"]:
    """Every example and its vector. Raises NeedlewiseError when none has the given intent."""
    from needlewise.nlu.corpus import encode, read_examples

    examples = read_examples(read_settings().root)
    if intent is not None and all(example.intent != intent for example in examples):
        raise NeedlewiseError(f"data/nlu has no intent {intent}")
    with err.status(f"Encoding {len(examples)} examples; this takes up to a minute…"):
        return examples, encode(examples)


def _shown(example: "Example") -> str:
    return f"{example.place} {example.text}"


def _sentences(file: str) -> list[str]:
    """The lines of a file, or of standard input, that are not empty. Raises NeedlewiseError where they cannot be read."""
    from needlewise.text.normalise import LONGEST

    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise NeedlewiseError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise NeedlewiseError(f"{file} is not a text in UTF-8") from None
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        if len(line) > LONGEST:
            raise NeedlewiseError(f"line {number} is longer than a message may be: one sentence a line")
    return [line.strip() for line in lines if line.strip()]


def _print_line(line: str) -> None:
    out.print(line, markup=False, highlight=False, soft_wrap=True)


def _tell(line: str) -> None:
    err.print(line, markup=False, highlight=False, soft_wrap=True)


def _ask_line() -> str:
    try:
        return input("\nyou> ").strip()
    except EOFError:
        return ""


if __name__ == "__main__":
    main()
