"""The one place where the parts are made and joined. Everything is made when first asked for, once.

Rasa makes its actions and its NLG without arguments: they call services(). A test, or a second deployment in one process,
calls use() first.
"""

from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncEngine

from needlewise.booking.mail import Mailer
from needlewise.booking.requests import Requests
from needlewise.content.library import Library, load_library
from needlewise.content.render import Place, Renderer
from needlewise.conversations.log import ConversationLog, TurnQueue
from needlewise.conversations.redaction import Redactor, allowed_words
from needlewise.db.audit import AuditLog
from needlewise.db.engine import open_engine, open_locks, open_reading
from needlewise.db.locks import Locks
from needlewise.db.news import News
from needlewise.db.outbox import Outbox, Parcel
from needlewise.db.sealing import Seal, load_seal
from needlewise.dialogue.leaning import Leaning, load_leaning
from needlewise.errors import ContentError
from needlewise.language.pipeline import load_pipeline
from needlewise.safety.net import SafetyNet, load_net
from needlewise.safety.triage import RedFlagRules, Triage
from needlewise.safety.triage import load_rules as load_red_flags
from needlewise.screening.reading import Reader
from needlewise.screening.rules import ScreeningRules
from needlewise.screening.rules import load_rules as load_screening
from needlewise.settings import Settings, read_settings

if TYPE_CHECKING:
    from needlewise.dialogue.turn import Turns


class Services:
    """Every part of one deployment, by name."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def library(self) -> Library:
        return load_library(self.settings.content, clinics=self.settings.clinics)

    @cached_property
    def renderer(self) -> Renderer:
        return Renderer(self.library)

    @cached_property
    def leaning(self) -> Leaning:
        parts = {
            topic: frozenset({"web", *answer.en.follow_ups, *(("more",) if answer.en.more else ())})
            for topic, answer in self.library.answers.items()
        }
        return load_leaning(self.settings.content, parts)

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
        return open_reading(self.settings.database_url, self.engine)

    @cached_property
    def log(self) -> ConversationLog:
        return ConversationLog(self.engine, self.seal, session_hours=self.settings.session_hours)

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
    def queue(self) -> TurnQueue:
        return TurnQueue()

    @cached_property
    def requests(self) -> Requests:
        return Requests(self.engine, self.seal)

    def load_turns(self) -> "Turns":
        """Load the trained model, training it first when its sources changed. Takes seconds: Rasa brings TensorFlow."""
        # Imported here, for everything else, the command line above all, starts without Rasa.
        from needlewise.dialogue.agent import load_agent
        from needlewise.dialogue.training import ensure_model
        from needlewise.dialogue.turn import Turns
        from needlewise.dialogue.understanding import Understanding

        agent = load_agent(ensure_model(self.settings))
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
        place = self.place(parcel.clinic, "web", "en")
        reference = str(parcel.payload["reference"])
        subject = self.renderer.words("booking.mail_subject", place, reference=reference)
        return subject, self.renderer.words("booking.mail_body", place, reference=reference)


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
