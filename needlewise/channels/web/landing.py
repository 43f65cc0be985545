"""The page at /: what the chat is, for whoever meets this service first. It embeds the chat as any website would."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from needlewise.channels.web.widget import read_pages
from needlewise.content.snippet import snippet
from needlewise.wiring import Services

FILES = Path(__file__).parent / "page"


class Landing:
    """The handlers of / and /page."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._page = read_pages().get_template("landing.html")

    def routes(self) -> list[BaseRoute]:
        return [Route("/", self.page), Mount("/page", StaticFiles(directory=FILES))]

    async def page(self, request: Request) -> Response:
        """The page with the chat of the clinic in ?clinic=, or of the default one."""
        services = self._services
        renderer, default = services.renderer, services.settings.default_clinic
        place = services.place(request.query_params.get("clinic"), "web", "en")
        clinics = sorted(
            services.library.clinics.values(), key=lambda clinic: (clinic.clinic != default, clinic.name)
        )
        html = self._page.render(
            words=lambda name: renderer.words(f"page.{name}", place),
            clinic=place.clinic,
            clinics=clinics,
            questions=[choice.label for choice in renderer.phrase("page.questions", place).choices],
            here=snippet(place, renderer, "", is_open=True),
            elsewhere=snippet(place, renderer, str(request.base_url)),
        )
        return HTMLResponse(html, headers={"Cache-Control": "no-cache"})
