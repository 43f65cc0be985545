"""The one place where the parts are made and joined. Everything is made when first asked for, once.

Rasa makes its actions and its NLG without arguments: they call services(). A test, or a second deployment in one process,
calls use() first.
"""

import asyncio
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncEngine

from needlewise.booking.digest import Digests
from needlewise.booking.mail import Mailer
from needlewise.booking.notices import written
from needlewise.booking.queue import Bookings
from needlewise.booking.requests import Requests
from needlewise.booking.webhook import Webhooks, parse_secret
from needlewise.content.library import Library, Parts, load_library
from needlewise.content.live import LiveContent
from needlewise.content.proof import Proofreader
from needlewise.content.render import Place, Renderer
from needlewise.content.revisions import Revisions
from needlewise.content.signing import Signatures
from needlewise.conversations.listing import Listing
from needlewise.conversations.live import LiveHelp
from needlewise.conversations.log import ConversationLog, TurnQueue
from needlewise.conversations.redaction import Redactor, allowed_words
from needlewise.conversations.review import Review
from needlewise.conversations.transcripts import Transcripts
from needlewise.conversations.views import SavedViews
from needlewise.db.audit import AuditLog
from needlewise.db.engine import open_engine, open_locks, open_reading
from needlewise.db.locks import Locks
from needlewise.db.news import News
from needlewise.db.outbox import Outbox, Parcel
from needlewise.db.sealing import Seal, load_seal
from needlewise.dialogue.leaning import Leaning, load_leaning
from needlewise.errors import ContentError
from needlewise.language.pipeline import load_pipeline
from needlewise.privacy.holds import Holds
from needlewise.privacy.patient import Patients
from needlewise.privacy.retention import Retention, clinics_terms
from needlewise.safety.net import SafetyNet, load_net
from needlewise.safety.triage import RedFlagRules, Triage
from needlewise.safety.triage import load_rules as load_red_flags
from needlewise.screening.reading import Reader
from needlewise.screening.rules import ScreeningRules
from needlewise.screening.rules import load_rules as load_screening
from needlewise.settings import Settings, read_settings
from needlewise.teaching.candidates import Candidates
from needlewise.teaching.clusters import Unanswered
from needlewise.teaching.corrections import Corrections
from needlewise.teaching.live import LiveModel
from needlewise.teaching.trying import Trier
from needlewise.text.normalise import normalise

if TYPE_CHECKING:
    from needlewise.dialogue.turn import Turns


class Services:
    """Every part of one deployment, by name."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def library(self) -> Library:
        library = load_library(self.settings.content, clinics=self.settings.clinics)
        # Until the signatures are read, nothing counts as signed.
        return replace(library, signed={}) if self.settings.demand_signatures else library

    @cached_property
    def live_content(self) -> LiveContent:
        """What keeps the library in step with what staff change."""
        return LiveContent(self.reading, self.library, self.news)

    @cached_property
    def revisions(self) -> Revisions:
        return Revisions(self.engine, self.reading, self.audit, self.live_content, self.news)

    @cached_property
    def signatures(self) -> Signatures:
        return Signatures(self.engine, self.reading, self.audit, self.revisions)

    @cached_property
    def proofreader(self) -> Proofreader:
        return Proofreader(self.settings, self.library)

    @cached_property
    def renderer(self) -> Renderer:
        return Renderer(self.library)

    @cached_property
    def leaning(self) -> Leaning:
        return load_leaning(self.settings.content, Parts(self.library))

    @cached_property
    def triage(self) -> Triage:
        return Triage(self.red_flags)

    @cached_property
    def red_flags(self) -> RedFlagRules:
        return load_red_flags(self.settings.content / "safety" / "red_flags.yml")

    @cached_property
    def safety_net(self) -> SafetyNet:
        """The net that `needlewise train` made. Raises NeedlewiseError when there is none of the present sources."""
        from needlewise.dialogue.training import net_path

        return load_net(net_path(self.settings), self.red_flags)

    @cached_property
    def screening(self) -> ScreeningRules:
        return load_screening(self.settings.content / "screening.yml")

    @cached_property
    def reader(self) -> Reader:
        return Reader(self.screening, load_pipeline())

    @cached_property
    def redactor(self) -> Redactor:
        return Redactor(load_pipeline(), allowed_words(self.settings.content))

    async def redacted(self, words: str) -> str:
        """What staff may read of these words. The redactor's lists are read when first needed, in a thread."""
        redactor = await asyncio.to_thread(lambda: self.redactor)
        return redactor.redact(load_pipeline()(normalise(words))).text

    @cached_property
    def seal(self) -> Seal:
        self.settings.var.mkdir(parents=True, exist_ok=True)
        return load_seal(self.settings.key, self.settings.old_keys, self.settings.var)

    @cached_property
    def engine(self) -> AsyncEngine:
        return open_engine(self.settings.database_url)

    @cached_property
    def reading(self) -> AsyncEngine:
        """For what only reads and may take long, such as the staff's lists and figures."""
        return open_reading(self.settings.database_url)

    @cached_property
    def log(self) -> ConversationLog:
        return ConversationLog(self.engine, self.seal, session_hours=self.settings.session_hours)

    @cached_property
    def listing(self) -> Listing:
        return Listing(self.reading, self.zone)

    @cached_property
    def transcripts(self) -> Transcripts:
        return Transcripts(self.reading, self.seal, self.audit, self.redacted)

    @cached_property
    def review(self) -> Review:
        return Review(self.engine, self.seal, self.audit)

    @cached_property
    def saved_views(self) -> SavedViews:
        return SavedViews(self.engine, self.reading, self.audit)

    @cached_property
    def live_help(self) -> LiveHelp:
        return LiveHelp(
            self.engine,
            self.seal,
            self.audit,
            self.news,
            say=lambda key, clinic, channel: self.renderer.phrase(key, self.place(clinic, channel, "en")),
            session_hours=self.settings.session_hours,
        )

    @cached_property
    def audit(self) -> AuditLog:
        return AuditLog(self.engine, self.seal)

    @cached_property
    def locks(self) -> Locks:
        return open_locks(self.settings.database_url)

    @cached_property
    def news(self) -> News:
        return News(self.settings.database_url)

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.engine, self.seal)

    @cached_property
    def corrections(self) -> Corrections:
        return Corrections(self.engine, self.seal, self.audit, self.settings.root)

    @cached_property
    def unanswered(self) -> Unanswered:
        return Unanswered(self.reading)

    @cached_property
    def candidates(self) -> Candidates:
        from needlewise.dialogue.training import fingerprint

        return Candidates(
            self.engine,
            self.seal,
            self.audit,
            locks=self.locks,
            news=self.news,
            models=self.settings.models,
            fingerprint=lambda: fingerprint(self.settings),
        )

    @cached_property
    def trier(self) -> Trier:
        return Trier(self.candidates, self.settings)

    @cached_property
    def live_model(self) -> "LiveModel[Turns]":
        def load(model: Path | None) -> "Turns":
            return self.load_turns(model) if model else self.load_turns()

        return LiveModel(self.candidates, load)

    @cached_property
    def retention(self) -> Retention:
        return Retention(
            self.engine,
            self.reading,
            self.seal,
            self.audit,
            self.locks,
            terms=lambda: clinics_terms(self.library.clinics.values()),
            audit_years=self.settings.audit_years,
        )

    @cached_property
    def holds(self) -> Holds:
        return Holds(self.engine, self.reading, self.audit)

    @cached_property
    def patients(self) -> Patients:
        return Patients(self.engine, self.reading, self.seal, self.audit)

    @cached_property
    def queue(self) -> TurnQueue:
        return TurnQueue()

    @cached_property
    def requests(self) -> Requests:
        return Requests(self.engine, self.seal)

    @cached_property
    def bookings(self) -> Bookings:
        return Bookings(self.engine, self.reading, self.seal, self.audit)

    @cached_property
    def digests(self) -> Digests:
        return Digests(self.engine, self.reading, self.seal)

    @cached_property
    def webhooks(self) -> Webhooks:
        """Raises NeedlewiseError on a secret that is none."""
        keys: dict[str, list[bytes]] = {}
        for clinic, secret in self.settings.webhook_secrets:
            keys.setdefault(clinic, []).append(parse_secret(secret))
        return Webhooks(
            self.outbox,
            self.requests,
            keys,
            self.library.clinic,
            may_be_private=self.settings.webhook_private,
        )

    def load_turns(self, model: Path | None = None) -> "Turns":
        """Load the model in this file, or that of the project's files, which is trained first when these changed.

        Takes seconds: Rasa brings TensorFlow. Raises NeedlewiseError.
        """
        # Imported here, for everything else, the command line above all, starts without Rasa.
        from needlewise.dialogue.agent import load_agent
        from needlewise.dialogue.training import ensure_model
        from needlewise.dialogue.turn import Turns
        from needlewise.dialogue.understanding import Understanding

        agent = load_agent(model or ensure_model(self.settings))
        # Made here, beside the running server, and not on its event loop at the first message.
        _ = self.redactor
        understanding = Understanding(agent.parse, self.reader, self.leaning, self.renderer.title)
        return Turns(agent, understanding, self.leaning, self.triage, self.safety_net, self.renderer)

    @cached_property
    def mailer(self) -> Mailer | None:
        """None without an SMTP server: mail then waits in the outbox."""
        if self.settings.smtp_url is None:
            return None
        return Mailer(self.outbox, self.settings.smtp_url, self.settings.mail_from, self._compose)

    def place(self, clinic: str | None, channel: str, language: str) -> Place:
        """Where words will be read; an unknown clinic falls back to the default one."""
        profile = self.library.clinics.get(clinic or "") or self.library.clinic(self.settings.default_clinic)
        return Place(profile, channel, language)

    def zone(self, clinic: str) -> ZoneInfo:
        return ZoneInfo(self.library.clinic(clinic).timezone)

    def _compose(self, parcel: Parcel) -> tuple[str, str]:
        console = f"{(self.settings.public_address or '').rstrip('/')}/staff"
        return written(parcel, self.place(parcel.clinic, "web", "en"), self.renderer, console)


_current: Services | None = None


def build(settings: Settings) -> Services:
    """Join the parts for these settings. Raises ContentError when content is malformed or the default clinic is not served."""
    services = Services(settings)
    if settings.default_clinic not in services.library.clinics:
        raise ContentError(
            f"NEEDLEWISE_DEFAULT_CLINIC: {settings.default_clinic} is not among the clinics served"
        )
    return services


def use(services: Services) -> None:
    """Make these the services that Rasa's actions and words find."""
    global _current
    _current = services


def services() -> Services:
    """The services in use; made from the environment when nothing was chosen, as under `rasa shell`."""
    global _current
    if _current is None:
        _current = build(read_settings())
    return _current
