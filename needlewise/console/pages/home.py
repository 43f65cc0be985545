"""The first page: what waits."""

from sqlalchemy import func, select
from starlette.responses import Response

from needlewise.console.roles import Role
from needlewise.console.visit import Door, Section, Visit
from needlewise.db.engine import reading
from needlewise.db.tables import conversations, messages, requests
from needlewise.wiring import Services

section = Section()


@section.get("", needs=Door.SIGNED_IN, action="home/view", menu="Home")
async def home(visit: Visit) -> Response:
    site, account = visit.site, visit.account
    waiting = [
        (await one.count(visit.services, clinics), one)
        for one in site.waiting
        if (clinics := site.at(account, one.needs))
    ]
    roles = [
        (clinic, sorted(account.roles[clinic]))
        for clinic in sorted(account.roles)
        if clinic in visit.services.library.clinics
    ]
    return visit.show("home.html", waiting=waiting, roles=roles)


@section.waits("conversations not reviewed", needs=Role.READER, path="")
async def conversations_to_review(services: Services, clinics: frozenset[str]) -> int:
    """Those in which a patient wrote. Until reviewing is built, that is each of them."""
    wrote = select(messages.c.id).where(
        messages.c.conversation == conversations.c.id, messages.c.direction == "in"
    )
    query = select(func.count()).where(conversations.c.clinic.in_(clinics), wrote.exists())
    async with reading(services.engine).connect() as connection:
        return int(await connection.scalar(query))


@section.waits("requests to answer", needs=Role.READER, path="")
async def open_requests(services: Services, clinics: frozenset[str]) -> int:
    query = select(func.count()).where(requests.c.clinic.in_(clinics))
    async with reading(services.engine).connect() as connection:
        return int(await connection.scalar(query))
