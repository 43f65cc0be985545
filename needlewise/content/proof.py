"""What is wrong with a text that somebody is editing: the rules of `needlewise check`, each finding beside its field.

A read tree is kept, so that only the edited text is checked anew. Grading is slow the first time: call these in a thread.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from msgspec import structs

from needlewise import clock
from needlewise.content.checks import answers, clinics, sms, wording
from needlewise.content.checks.finding import Finding
from needlewise.content.checks.tree import Doc, Tree, read_content
from needlewise.content.files import to_yaml
from needlewise.content.library import Library
from needlewise.content.model import DAYS, Answer, Clinic
from needlewise.content.render import Place, Renderer
from needlewise.settings import Settings
from needlewise.text.segments import segments
from needlewise.text.yaml_text import Step, line_at

MANY_WORDS = 75
"""Above this a short answer is long for a phone."""
MOST_NOTICES = 3
_LINKS = re.compile(r"\]\(([^)]*)\)")
_NO_ERROR = ("someone should have read this again",)


@dataclass(frozen=True)
class Remark:
    """Something to mend (`is_error`, nothing is saved with it) or to think of. `field` is the form's; empty for the whole text."""

    field: str
    words: str
    is_error: bool = True


class Proofreader:
    """Checks single texts against the rest of the content, as it is live."""

    def __init__(self, settings: Settings, library: Library) -> None:
        self._settings = settings
        self._library = library
        self.grade = lru_cache(maxsize=4096)(self._grade)
        """The school grade of a text with its placeholders; 0 for one of few words."""

    def answer(self, answer: Answer, served: Iterable[str]) -> list[Remark]:
        """Of an answer as patients of these clinics would read it: errors first, in the order of the form."""
        path = Path(f"content/answers/{answer.topic}.yml")
        doc = Doc(path, to_yaml(answer), answer)
        # Last, so that a title that two have is told of this one.
        others = {
            name: Doc(Path(f"content/answers/{name}.yml"), "", value)
            for name, value in self._library.answers.items()
            if name != answer.topic
        }
        alone = replace(self._tree(answers={answer.topic: doc}, clinics={}), phrase_files={})
        for_clinics = self._tree(answers={answer.topic: doc}, clinics=self._clinics(served))
        found = [
            *answers.check(self._tree(answers={**others, answer.topic: doc}, clinics={})),
            *wording.check_filled_in(alone),
            *wording.check_claims(alone),
            *wording.check_grade(alone),
            *sms.check_answers(for_clinics),
        ]
        places = _answer_places(answer)
        remarks = [_remark(finding, doc, places) for finding in found if finding.path == path]
        return _ordered([*remarks, *self._thoughts(answer)], places.values())

    def clinic(self, clinic: Clinic) -> list[Remark]:
        """Of a clinic's settings, with every answer as it would read them."""
        path = Path(f"content/clinics/{clinic.clinic}.yml")
        doc = Doc(path, to_yaml(clinic), clinic)
        alone = replace(self._tree(answers={}, clinics={clinic.clinic: doc}), phrase_files={})
        found = [*clinics.check(alone), *wording.check_claims(alone), *wording.check_grade(alone)]
        places = _clinic_places(clinic)
        remarks = [_remark(finding, doc, places) for finding in found if finding.path == path]
        remarks += _contact_remarks(clinic)
        if not any(remark.is_error for remark in remarks):
            remarks += self._texts_of(clinic)
        gaps = [finding for finding in clinics.check_production(alone, None) if finding.path == path]
        remarks += [Remark("", finding.message, is_error=False) for finding in gaps]
        return _ordered(remarks, places.values())

    def _thoughts(self, answer: Answer) -> Iterator[Remark]:
        texts: dict[str, str] = {"web": answer.en.web, "more": answer.en.more or ""}
        texts.update((str(part), text) for part, text in answer.en.follow_ups.items())
        for field, text in texts.items():
            for link in _LINKS.findall(text):
                if not link.startswith(("https://", "tel:", "mailto:")):
                    yield Remark(field, f"a link leads to https://, tel: or mailto:, not to {link}")
        words = len(answer.en.web.split())
        if words > MANY_WORDS:
            yield Remark(
                "web", f"{words} words are long for a phone: two to four short sentences", is_error=False
            )
        if segments(answer.en.sms).encoding == "UCS-2":
            odd = sorted({char for char in answer.en.sms if segments(char).encoding == "UCS-2"})
            words_of = f"{' '.join(odd)} makes every text message cost more: type plain letters"
            yield Remark("sms", words_of, is_error=False)

    def _texts_of(self, clinic: Clinic) -> Iterator[Remark]:
        """Text messages that these settings make too long."""
        docs = {
            name: Doc(Path(f"content/answers/{name}.yml"), "", self._library.answer(name, clinic.clinic))
            for name in self._library.answers
        }
        tree = self._tree(answers=docs, clinics={clinic.clinic: Doc(Path(), "", clinic)})
        for finding in sms.check(replace(tree, phrase_files=self._files.phrase_files)):
            name = finding.path.stem
            what = f"“{docs[name].value.en.title}”" if name in docs else "a message"
            yield Remark("", f"With these settings {what} becomes {finding.message}.")
        place, renderer = Place(clinic, "sms"), Renderer(replace(tree.library, signed=None))
        for index, notice in enumerate(clinic.notices):
            told = renderer.notices(replace(place, clinic=_at_any_time(clinic, index)), clock.now())
            if told and segments(told[0].text).count > sms.MOST_SEGMENTS:
                yield Remark(
                    f"notice-{index}-sms", f"a text message has at most {sms.MOST_SEGMENTS} parts: write less"
                )
            if notice.ends < notice.starts:
                yield Remark(f"notice-{index}-ends", "it ends before it starts")

    def _tree(self, *, answers: Mapping[str, Doc[Answer]], clinics: Mapping[str, Doc[Clinic]]) -> Tree:
        return replace(self._files, answers=dict(answers), clinics=dict(clinics), broken=[])

    def _clinics(self, served: Iterable[str]) -> dict[str, Doc[Clinic]]:
        return {
            name: Doc(Path(f"content/clinics/{name}.yml"), "", self._library.clinic(name)) for name in served
        }

    @cached_property
    def _files(self) -> Tree:
        return replace(read_content(self._settings), today=clock.now().date())

    @cached_property
    def _easy(self) -> Any:
        return wording.easy_words(self._files)

    def _grade(self, text: str, settings: frozenset[str] = frozenset()) -> float:
        plain = wording.as_read(text, self._easy, set(settings))
        return wording.grade(plain) if len(plain.split()) >= wording.FEWEST_WORDS else 0.0


def _at_any_time(clinic: Clinic, index: int) -> Clinic:
    """The clinic with one notice, which holds today."""
    notice = structs.replace(clinic.notices[index], starts=date.min, ends=date.max)
    return structs.replace(clinic, notices=[notice])


def _contact_remarks(clinic: Clinic) -> Iterator[Remark]:
    booking = clinic.booking
    emails = {"email": clinic.contact.email, "booking-email": booking.email, "booking-notify": booking.notify}
    for field, address in emails.items():
        if address and not _is_email(address):
            yield Remark(field, f"{address} is no e-mail address")
    if booking.way == "email" and not booking.email:
        yield Remark("booking-email", "requests go by e-mail: to which address?")
    for field, url in (("website", clinic.contact.website), ("request_form", clinic.contact.request_form)):
        if url and not _is_page(url):
            yield Remark(field, f"{url} is no address of a page: it begins with https://")
    if len(clinic.notices) > MOST_NOTICES:
        yield Remark("", f"at most {MOST_NOTICES} notices: nobody reads more")
    if not 1 <= clinic.text_kept_days <= 3650:
        yield Remark("text_kept_days", "between 1 and 3650 days")
    if not 30 <= clinic.requests_kept_days <= 3650:
        yield Remark("requests_kept_days", "between 30 and 3650 days")
    if booking.reply_business_days is not None and not 0 <= booking.reply_business_days <= 30:
        yield Remark("reply_business_days", "between 0 and 30 days")


def _is_email(address: str) -> bool:
    try:
        # Names for examples (RFC 2606) are taken too: a made-up clinic has such.
        validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return False
    return True


def _is_page(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and "." in parts.netloc
        and not any(char in url for char in " \"'<>()")
    )


def _answer_places(answer: Answer) -> dict[tuple[Step, ...], str]:
    """The form's fields by their place in the file."""
    words = answer.en
    places: dict[tuple[Step, ...], str] = {
        ("review_by",): "review_by",
        ("sources",): "sources",
        ("related",): "related",
        ("en", "title"): "title",
        ("en", "web"): "web",
        ("en", "more"): "more",
        ("en", "sms"): "sms",
    }
    for part in words.follow_ups:
        places["en", "follow_ups", part] = part
    for setting in words.clinic:
        places["en", "clinic", setting] = f"unset-{setting}-web"
        places["en", "clinic", setting, "unset", "web"] = f"unset-{setting}-web"
        places["en", "clinic", setting, "unset", "sms"] = f"unset-{setting}-sms"
    return places


def _clinic_places(clinic: Clinic) -> dict[tuple[Step, ...], str]:
    places: dict[tuple[Step, ...], str] = {
        ("contact", name): name for name in ("phone", "email", "website", "request_form")
    }
    places |= {("booking", name): f"booking-{name}" for name in ("way", "email", "link", "notify")}
    for day in DAYS:
        places["hours", day] = f"hours-{day}"
    places["hours", "closed"] = "closed"
    for index in range(len(clinic.locations)):
        places["locations", index] = f"location-{index}-name"
        places["locations", index, "phone"] = f"location-{index}-phone"
        places["locations", index, "parking"] = f"location-{index}-parking"
    for name in clinic.settings:
        places["settings", name] = f"setting-{name}-web"
        places["settings", name, "en", "web"] = f"setting-{name}-web"
        places["settings", name, "en", "sms"] = f"setting-{name}-sms"
    for index in range(len(clinic.notices)):
        places["notices", index] = f"notice-{index}-web"
        places["notices", index, "en", "sms"] = f"notice-{index}-sms"
    return places


def _remark(finding: Finding, doc: Doc[Any], places: Mapping[tuple[Step, ...], str]) -> Remark:
    """The finding at the field whose text begins on its line or is the last one before it."""
    starts = [(line_at(doc.text, *steps), len(steps), field) for steps, field in places.items()]
    before = [start for start in starts if start[0] <= finding.line]
    return Remark(
        max(before)[2] if before else "", finding.message, is_error=not finding.message.startswith(_NO_ERROR)
    )


def _ordered(remarks: Iterable[Remark], fields: Iterable[str]) -> list[Remark]:
    order = {field: place for place, field in enumerate(dict.fromkeys(fields))}
    unique = dict.fromkeys(remarks)
    return sorted(unique, key=lambda one: (not one.is_error, order.get(one.field, len(order))))
