"""Saved views: one's own, by name, with nothing in them that was searched for."""

import pytest

from needlewise.conversations.views import MOST_VIEWS
from needlewise.db.audit import Entry
from needlewise.errors import NeedlewiseError
from needlewise.wiring import Services
from tests.review.conftest import add_staff

ENTRY = Entry("ann", "view/save")


async def names(services: Services, staff: str = "ann") -> list[tuple[str, str]]:
    return [(view.name, view.query) for view in await services.saved_views.of(staff)]


async def test_a_view_keeps_filters_and_forgets_the_words(services: Services) -> None:
    await add_staff(services, "ann", "reader")
    await services.saved_views.save("ann", " Mine,  open ", "q=zelda&assigned=me&unreviewed=1&x=y", ENTRY)
    assert await names(services) == [("Mine, open", "unreviewed=1&assigned=me")]


async def test_the_same_name_replaces(services: Services) -> None:
    await add_staff(services, "ann", "reader")
    for query in ("topic=cost", "topic=insurance"):
        await services.saved_views.save("ann", "money", query, ENTRY)
    assert await names(services) == [("money", "topic=insurance")]


async def test_views_are_each_persons_own(services: Services) -> None:
    await add_staff(services, "ann", "reader")
    await add_staff(services, "bob", "reader")
    view = await services.saved_views.save("ann", "mine", "flagged=1", ENTRY)
    await services.saved_views.delete("bob", view.id, ENTRY)
    assert (await names(services), await names(services, "bob")) == ([("mine", "flagged=1")], [])
    await services.saved_views.delete("ann", view.id, ENTRY)
    assert await names(services) == []


@pytest.mark.parametrize("name", ["", " ", "x" * 61])
async def test_a_name_that_is_none_is_refused(services: Services, name: str) -> None:
    await add_staff(services, "ann", "reader")
    with pytest.raises(NeedlewiseError, match="the name of a view"):
        await services.saved_views.save("ann", name, "", ENTRY)


async def test_views_have_an_end(services: Services) -> None:
    await add_staff(services, "ann", "reader")
    for number in range(MOST_VIEWS):
        await services.saved_views.save("ann", f"view {number}", "", ENTRY)
    with pytest.raises(NeedlewiseError, match="which is the most"):
        await services.saved_views.save("ann", "one more", "", ENTRY)
    await services.saved_views.save("ann", "view 0", "live=1", ENTRY)
