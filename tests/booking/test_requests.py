"""The booking inbox: what is stored, found again, and shown to staff at the command line."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from needlewise.booking.requests import Details, Request
from needlewise.conversations.state import State
from needlewise.errors import NeedlewiseError
from needlewise.settings import Settings
from needlewise.wiring import Services
from tests.support.stored import rows

READABLE = re.compile(r"[BCDFGHJKMPQRTVWXY34679]{6}")


def request(draft: str = "draft-1", *, clinic: str = "demo", kind: str = "visit") -> Request:
    details = Details("Jenny Park", "+12025550143", "mornings", ("screening.tell.diabetes",))
    return Request(clinic, draft, "conversation-1", kind, details, "TELL", "oak-park", "assessment")  # type: ignore[arg-type]


async def test_what_was_submitted_is_shown_by_its_reference(services: Services) -> None:
    kept = await services.requests.submit(request(), services.library.clinic("demo"))
    assert READABLE.fullmatch(kept.reference) is not None
    shown = await services.requests.show(f" {kept.reference.lower()} ")
    assert (shown.reference, shown.request, shown.expected_by) == (
        kept.reference,
        request(),
        kept.expected_by,
    )


async def test_the_same_draft_is_the_first_request_again(services: Services) -> None:
    clinic = services.library.clinic("demo")
    first = await services.requests.submit(request(), clinic)
    again = await services.requests.submit(request(), clinic)
    assert (again.reference, again.created_at) == (first.reference, first.created_at)
    assert len(await services.requests.list()) == 1


async def test_the_conversation_says_which_request_was_sent(services: Services, settings: Settings) -> None:
    conversation, _ = await services.log.open("demo", "web", "en", state=State())
    sent = replace(request(kind="callback"), conversation=conversation.id)
    await services.requests.submit(sent, services.library.clinic("demo"))
    assert [row["request"] for row in rows(settings, "conversations")] == ["callback"]


async def test_two_drafts_are_two_requests(services: Services) -> None:
    clinic = services.library.clinic("demo")
    first = await services.requests.submit(request("draft-1"), clinic)
    second = await services.requests.submit(request("draft-2"), clinic)
    assert [kept.reference for kept in await services.requests.list()] == [second.reference, first.reference]


async def test_a_clinics_list_holds_its_own_requests(services: Services) -> None:
    await services.requests.submit(request("draft-1"), services.library.clinic("demo"))
    other = await services.requests.submit(
        request("draft-2", clinic="forever-fit"), services.library.clinic("forever-fit")
    )
    assert [kept.reference for kept in await services.requests.list("forever-fit")] == [other.reference]
    assert len(await services.requests.list(limit=1)) == 1


async def test_an_unknown_reference_is_named(services: Services) -> None:
    with pytest.raises(NeedlewiseError, match="no request has the reference ZZZZZZ"):
        await services.requests.show("ZZZZZZ")


# -- the command line ------------------------------------------------------------------------------------------------


def needlewise(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": str(Path(sys.executable).parent),
        "NEEDLEWISE_VAR": str(settings.var),
        "NEEDLEWISE_DATABASE_URL": settings.database_url,
        "COLUMNS": "200",
    }
    return subprocess.run(
        [sys.executable, "-m", "needlewise.cli", *arguments],
        env=environment,
        cwd=settings.root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


async def test_show_prints_what_the_clinic_needs(services: Services) -> None:
    kept = await services.requests.submit(request(), services.library.clinic("demo"))
    shown = needlewise(services.settings, "bookings", "show", kept.reference.lower())
    assert shown.returncode == 0, shown.stderr
    lines = dict(line.split(":", 1) for line in shown.stdout.splitlines())
    assert {name: value.strip() for name, value in lines.items()} == {
        "Reference": kept.reference,
        "Clinic": "Riverbend Heel & Foot",
        "Kind": "visit",
        "State": "new",
        "Name": "Jenny Park",
        "Reach them at": "+12025550143",
        "Times": "mornings",
        "Location": "oak-park",
        "Visit": "assessment",
        "Screening": "TELL",
        "Tell the therapist": services.renderer.words(
            "screening.tell.diabetes", services.place("demo", "sms", "en")
        ),
        "Agreed to contact": f"{kept.created_at:%Y-%m-%d %H:%M} UTC",
    }


async def test_list_prints_references_and_nothing_of_the_patient(services: Services) -> None:
    kept = await services.requests.submit(request(), services.library.clinic("demo"))
    listed = needlewise(services.settings, "bookings", "list")
    assert listed.returncode == 0, listed.stderr
    assert f"{kept.reference} " in listed.stdout
    for word in ("demo", "visit", "TELL", "oak-park"):
        assert word in listed.stdout
    for secret in ("Jenny", "5550143", "mornings", "diabetes"):
        assert secret not in listed.stdout


async def test_list_says_when_there_is_none(services: Services) -> None:
    listed = needlewise(services.settings, "bookings", "list")
    assert (listed.returncode, listed.stdout) == (0, "No requests yet.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["show", "ZZZZZZ"],
            "needlewise: no request has the reference ZZZZZZ: `needlewise bookings list` shows them\n",
        ),
        (["list", "--clinic", "nowhere"], "needlewise: no clinic 'nowhere'"),
    ],
)
async def test_a_mistake_is_one_plain_line_and_exit_code_2(
    services: Services, arguments: list[str], said: str
) -> None:
    failed = needlewise(services.settings, "bookings", *arguments)
    assert failed.returncode == 2
    assert failed.stdout == ""
    assert failed.stderr.startswith(said)
    assert failed.stderr.count("\n") == 1
