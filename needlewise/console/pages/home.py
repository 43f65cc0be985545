"""The first page: what waits."""

from starlette.responses import Response

from needlewise.console.visit import Door, Section, Visit

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
