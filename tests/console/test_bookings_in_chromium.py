"""The queue of requests in a real browser: a morning at the desk by keyboard, and axe finds nothing, at a desk and on a phone."""

from dataclasses import replace

from playwright.async_api import Page, expect
from starlette.applications import Starlette

from needlewise.booking.requests import Details, Kept, Request
from needlewise.console.roles import Role
from needlewise.wiring import Services
from tests.console.conftest import Time
from tests.console.person import AddPerson
from tests.console.test_in_chromium import check
from tests.console.test_in_chromium import page as page


async def sent(services: Services, draft: str, details: Details, **more: str | None) -> Kept:
    request = Request("demo", draft, "c" * 32, "visit", details, "BOOK", "oak-park", visit_kind="assessment")
    clinic = services.library.clinic("demo")
    return await services.requests.submit(replace(request, **more), clinic)  # type: ignore[arg-type]


async def looked_at(page: Page) -> None:
    await check(page)
    await page.set_viewport_size({"width": 1280, "height": 900})
    await page.emulate_media(color_scheme="light")


async def test_a_morning_at_the_desk(
    page: Page, person: AddPerson, services: Services, console: Starlette, time: Time
) -> None:
    late = await sent(services, "late", Details("Jenny Park", "+12025550142", "mornings"))
    time.pass_(days=3, hours=5)
    await sent(
        services,
        "tell",
        Details("Omar", "omar@example.com", "any day", ("screening.tell.diabetes",)),
        outcome="TELL",
    )
    await sent(
        services,
        "call",
        Details("Ana", "+12025550199", "after 3"),
        kind="callback",
        location=None,
        visit_kind=None,
    )
    time.pass_(minutes=40)
    maria = await person("maria.lopez", Role.REVIEWER)
    await person("omar.haddad", Role.REVIEWER)
    await page.goto("/staff/sign-in")
    session = {"name": "needlewise-session", "value": maria.browser.session, "url": page.url}
    await page.context.add_cookies([session])  # type: ignore[list-item]

    await page.goto("/staff/bookings")
    await looked_at(page)
    await page.click("summary:has-text('Filters')")
    await page.click("summary:has-text('Export')")
    await looked_at(page)
    await page.goto("/staff/bookings")

    row = page.locator(f"#r-{late.reference}")
    await row.get_by_role("button", name="No answer").focus()
    await page.keyboard.press("Enter")
    await expect(row).to_contain_text("no answer")
    await expect(page.locator("#said")).to_have_text(f"{late.reference}: no answer, you have it")
    await expect(row.get_by_role("link", name=late.reference)).to_be_focused()

    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/bookings/{late.reference}")
    await looked_at(page)
    await page.fill("#reason", "calling them back")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="(202) 555-0142")).to_have_attribute(
        "href", "tel:+12025550142"
    )
    await looked_at(page)
    await page.get_by_role("button", name="Booked").click()
    await expect(page.get_by_role("status")).to_have_text("Noted: booked.")
    await expect(page.locator(".history li")).to_have_count(4)

    await page.goto("/staff/bookings")
    await expect(page.locator("tbody tr")).to_have_count(2)
    await page.click("summary:has-text('Filters')")
    await page.select_option("#state", "booked")
    await page.wait_for_url("**state=booked**")
    await expect(page.locator("tbody tr")).to_have_count(1)
