"""The lines that a clinic pastes into its website."""

from html import escape
from urllib.parse import urlsplit

from needlewise.content.render import Place, Renderer, shown_phone
from needlewise.errors import NeedlewiseError


def snippet(place: Place, renderer: Renderer, service: str, *, is_open: bool = False) -> str:
    """The chat's script for this clinic, after a line with its number. `service` is our address, with a slash at its end.

    The line is there where the script is not: without JavaScript, and while the service is away. Where the script runs, it takes
    the line off the page and shows it in the chat's place should the chat not come, so nobody reads the number twice.
    """
    clinic, phone = place.clinic, place.clinic.contact.phone
    line = f"<noscript>{escape(renderer.words('widget.page_without_script', place))}</noscript>"
    if phone:
        call = escape(renderer.words("widget.page_call", place))
        number = f'<a href="tel:{escape(phone)}">{escape(shown_phone(phone, "sms"))}</a>'
        line = f'<p class="needlewise-phone">{call} {number} {line}</p>'
    accent = f' data-accent="{clinic.widget.accent}"' if clinic.widget.accent else ""
    return (
        f"{line}\n"
        f'<script src="{escape(service)}widget.js" data-clinic="{escape(clinic.clinic)}"{accent}'
        f"{' data-open' if is_open else ''} async></script>\n"
    )


def service_address(given: str) -> str:
    """An address as `snippet` takes it. Raises NeedlewiseError for what no page can load a script from."""
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise NeedlewiseError(f"{given} is no address of a service: write it as https://chat.example.com")
    return given if given.endswith("/") else f"{given}/"
