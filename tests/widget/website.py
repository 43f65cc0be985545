"""A clinic's website on an address of its own, and the service that lets it hold the chat."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.service import Service, free_port

PHONE = "(202) 555-0140"

_LINES = """
<p class="needlewise-phone">Questions? Call us: <a href="tel:+12025550140">(202) 555-0140</a></p>
<script src="{service}/widget.js" data-clinic="demo"{options} async></script>
"""

_PLAIN = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>A clinic</title>
<main>
<h1>A clinic</h1>
<p>We help people with heel pain. <a href="#more">Read more</a></p>
<p id="more">We are open on weekdays.</p>
</main>
"""

# The page allows what docs/widget.md says it must, and nothing else: its own style sheet is there to do harm.
_STRICT = (
    "default-src 'none'; script-src {service}; frame-src {service}; style-src 'self'; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_HOSTILE = _PLAIN.replace(
    "</main>\n",
    '<dialog open id="cookies">We use cookies. <button>Fine</button></dialog>\n'
    '<dialog id="news">Our news. <button autofocus>Read</button></dialog>\n</main>\n'
    '<link rel="stylesheet" href="harm.css">\n',
)
_HARM = """
* { all: unset !important }
:root { font-size: 3px !important; --accent: red; --paper: red; --ink: red }
div, p, button, iframe, dialog:not([id]) {
  display: none !important; visibility: hidden !important; position: static !important; opacity: 0 !important;
  z-index: -1 !important; width: 1px !important; height: 1px !important; pointer-events: none !important;
}
"""


@dataclass
class Deployment(Service):
    """The service with the website among the demo clinic's `origins`. One address may say much in a minute."""

    @property
    def environ(self) -> dict[str, str]:
        return super().environ | {
            "NEEDLEWISE_ROOT": str(self.root),
            "NEEDLEWISE_MESSAGES_PER_MINUTE": "10000",
            "NEEDLEWISE_SESSIONS_PER_MINUTE": "10000",
        }


def deploy(root: Path, models: Path, folder: Path, origin: str) -> Deployment:
    """A service over the project at `root`, whose demo clinic names `origin` too. It is not started."""
    copy, var = folder / "project", folder / "var"
    copy.mkdir()
    var.mkdir()
    for path in root.iterdir():
        if path.name not in ("content", "var"):
            os.symlink(path, copy / path.name)
    shutil.copytree(root / "content", copy / "content")
    profile = copy / "content" / "clinics" / "demo.yml"
    profile.write_text(profile.read_text().replace("origins: [", f'origins: ["{origin}", '))
    os.symlink(models.resolve(), var / "models")
    return Deployment(copy, var)


@dataclass
class Website:
    """The clinic's pages. Localhost and 127.0.0.1, where the service is, are two sites to a browser."""

    service: str
    """The service's address, which the pages load the chat from."""
    port: int = field(default_factory=free_port)

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def pages(self) -> dict[str, tuple[str, str]]:
        """By path, a page and its Content-Security-Policy."""
        lines = partial(_LINES.format, service=self.service)
        return {
            "/": (_PLAIN + lines(options=""), ""),
            "/open": (_PLAIN + lines(options=" data-open"), ""),
            "/hostile": (_HOSTILE + lines(options=""), _STRICT.format(service=self.service)),
            "/harm.css": (_HARM, ""),
            # Nothing listens there.
            "/service-down": (_PLAIN + _LINES.format(service="http://127.0.0.1:9", options=""), ""),
        }

    @contextmanager
    def running(self) -> Iterator[None]:
        server = ThreadingHTTPServer(("localhost", self.port), partial(_Handler, self))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, website: Website, *args: object) -> None:
        self._website = website
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        text, policy = self._website.pages.get(self.path, ("", ""))
        self.send_response(200 if text else 404)
        self.send_header("Content-Type", "text/css" if self.path.endswith(".css") else "text/html")
        if policy:
            self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""
