"""The website chat's files: the loader that pages embed, the frame that holds the chat, and what the frame loads.

They are built from widget/ and kept in the folder beside this module (docs/adr/0009), so serving them needs no Node.
"""

from functools import lru_cache
from pathlib import Path

import jinja2
import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from needlewise.channels.web.packed import pack
from needlewise.channels.web.protocol import spoken_language
from needlewise.content.model import Clinic
from needlewise.content.render import Place, shown_phone
from needlewise.errors import NeedlewiseError
from needlewise.wiring import Services

BUILT = Path(__file__).parent / "widget"
PAGES = Path(__file__).parent / "templates"

_LOADER_HEADERS = {
    # A page that had the button once keeps it, and the clinic's number in it, while the service is away.
    "Cache-Control": "public, max-age=300, stale-while-revalidate=86400, stale-if-error=604800",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_ASSET_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable"}
_SCRIPT, _STYLE = "text/javascript", "text/css"
_FRAMES_KEPT = 256
_NOT_THE_CHATS = ("widget.loader_", "widget.page_")


class Manifest(msgspec.Struct, frozen=True):
    """Which of the built files the frame loads; their names change with what is in them."""

    script: str
    style: str


class Widget:
    """The handlers of /widget.js, /chat/frame and /chat/assets. Raises NeedlewiseError when there are no built files."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._pages = read_pages()
        try:
            self.manifest = msgspec.json.decode((BUILT / "manifest.json").read_bytes(), type=Manifest)
            self._loader = pack((BUILT / "widget.js").read_bytes(), _SCRIPT)
            self._assets = {
                name: pack((BUILT / name).read_bytes(), media_type)
                for name, media_type in ((self.manifest.script, _SCRIPT), (self.manifest.style, _STYLE))
            }
        except (OSError, msgspec.MsgspecError) as error:
            raise NeedlewiseError(f"the website chat is not built (`make widget`): {error}") from error
        # One for each clinic and language, made when first asked for, and again when the content has changed.
        self._framed = lru_cache(maxsize=_FRAMES_KEPT)(
            lambda clinic, language, number: pack(self.frame_page(clinic, language).encode(), "text/html")
        )

    def routes(self) -> list[Route]:
        return [
            Route("/widget.js", self.loader),
            Route("/chat/frame", self.frame),
            Route("/chat/assets/{name}", self.asset),
        ]

    async def loader(self, request: Request) -> Response:
        """The script that a clinic's page embeds; the same for every clinic."""
        return self._loader.answer(request, _LOADER_HEADERS)

    async def asset(self, request: Request) -> Response:
        """A file of the frame, for good: another version has another name."""
        found = self._assets.get(request.path_params["name"])
        return found.answer(request, _ASSET_HEADERS) if found else Response(status_code=404)

    async def frame(self, request: Request) -> Response:
        """The page in the frame. Only our own pages, and those that the clinic names in `origins`, may hold it."""
        clinic = self._services.library.clinics.get(request.query_params.get("clinic", ""))
        if clinic is None:
            place = self._services.place(None, "sms", "en")
            words = self._services.renderer.words("conversation.unknown_clinic", place)
            return HTMLResponse(self._pages.get_template("unknown.html").render(words=words), status_code=404)
        language = spoken_language(request.query_params.get("lang", "en"))
        headers = {"Cache-Control": "no-cache", "Content-Security-Policy": frame_policy(clinic)}
        number = self._services.library.number
        return self._framed(clinic.clinic, language, number).answer(request, headers)

    def frame_page(self, clinic: str, language: str) -> str:
        """The HTML of a clinic's frame: no words but a title, and in a block of data everything that the chat needs."""
        place = self._services.place(clinic, "web", language)
        spoken = Place(place.clinic, "sms", language)
        renderer = self._services.renderer
        return self._pages.get_template("frame.html").render(
            language=language,
            title=renderer.words("widget.page_title", spoken),
            needs_script=renderer.words("widget.page_needs_script", spoken),
            script=self.manifest.script,
            style=self.manifest.style,
            config=frame_config(place, self._services),
        )


def read_pages() -> jinja2.Environment:
    """The HTML that is filled here; what is put in is text and never markup."""
    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader([PAGES, BUILT]), autoescape=True, undefined=jinja2.StrictUndefined
    )
    pages.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "ensure_ascii": False}
    return pages


def frame_policy(clinic: Clinic) -> str:
    """The frame's Content-Security-Policy: our own files, nothing inline, and around it no pages but this clinic's and ours."""
    ancestors = " ".join(["'self'", *clinic.origins])
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        f"base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
    )


def frame_config(place: Place, services: Services) -> dict[str, object]:
    """What the chat is told of the clinic, with every word it shows of its own: FrameConfig of widget/src/protocol.ts."""
    clinic, renderer = place.clinic, services.renderer
    phone = clinic.contact.phone
    return {
        "clinic": clinic.clinic,
        "language": place.language,
        "name": clinic.name,
        "phone": {"shown": shown_phone(phone, "sms"), "url": f"tel:{phone}"} if phone else None,
        "accent": clinic.widget.accent,
        "fictional": clinic.fictional,
        "example": clinic.example,
        "confirmsTimes": clinic.booking.confirms_times,
        "idleMinutes": clinic.widget.shared_computer_minutes,
        "questions": [choice.label for choice in renderer.phrase("widget.start", place).choices],
        "strings": {
            # The chat fills these four itself.
            key.partition(".")[2]: renderer.words(
                key, place, number="{number}", name="{name}", text="{text}", time="{time}"
            )
            for key in services.library.phrases
            if key.startswith("widget.") and not key.startswith(_NOT_THE_CHATS)
        },
    }
