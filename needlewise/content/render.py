"""From a key to words: the one place where a channel, a language and a clinic choose the text a patient reads.

Order of choice: the language asked for, else English; the channel's own text, else the web's. Nothing is random. A clinic's
setting that is not set is said to be unknown; no placeholder ever reaches a patient.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers

from needlewise import clock
from needlewise.content.library import Library
from needlewise.content.model import DAYS, Clinic, Hours, Label, Location, Phrase, PhraseText, Setting, Text
from needlewise.content.rendered import AnswerNote, Choice, Link, Rendered, SourceNote
from needlewise.errors import ContentError

MADE_SETTINGS = ("hours", "phone", "email", "locations", "needling_locations", "parking")
"""Settings that are sentences made from a profile's lists; all others are written in the profile."""

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Place:
    """Where words will be read."""

    clinic: Clinic
    channel: str = "web"
    language: str = "en"


class Renderer:
    """Turns keys into Rendered messages. Raises ContentError for a key, a part or a placeholder that does not exist."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def answer(self, topic: str, place: Place, *, part: str = "web") -> Rendered:
        """A topic's answer; `part` is web (short), more, why or how_long. A part that is missing gives the short answer.

        Where signatures are demanded and this answer has none, it is said that it cannot be answered here yet.
        """
        answer = self._library.answer(topic, place.clinic.clinic)
        today = clock.now().astimezone(ZoneInfo(place.clinic.timezone)).date()
        if not self._library.may_be_said(topic, place.clinic.clinic, today):
            return self.phrase("conversation.not_signed", place)
        words = answer.en
        if part == "more" and words.more:
            text = words.more
        elif part in words.follow_ups:
            text = words.follow_ups[part]  # type: ignore[index]
        else:
            part, text = "web", words.sms if place.channel == "sms" else words.web
        unset = {
            name: (entry.unset.sms if place.channel == "sms" else None) or entry.unset.web
            for name, entry in words.clinic.items()
        }
        text = self._fill(text, place, unset=unset)
        related = [] if part != "web" else [name for name in answer.related if name in self._library.answers]
        choices = [Choice(self.title(name), {"topic": name}) for name in related[:2]]
        if part != "more" and words.more:
            choices.insert(
                0,
                Choice(self.words("conversation.tell_me_more", place), {"follow_up": "more", "topic": topic}),
            )
        note = AnswerNote(topic, answer.version, tuple(self._source(name) for name in answer.sources))
        return Rendered(text, "answer", tuple(choices), answers=(note,), key=f"{topic}/{part}")

    def phrase(self, key: str, place: Place, /, **values: str) -> Rendered:
        """A phrase with its choices; `values` fill its placeholders beside {clinic} and {contact}."""
        phrase = self._phrase(key)
        text = self._fill(_worded(_in_language(phrase, place.language), place.channel), place, values=values)
        choices = []
        for entry in phrase.choices:
            label = entry.label.get(place.language) or entry.label.get("en") or self.title(entry.topic or "")
            leads_to: dict[str, Any] = (
                {"topic": entry.topic} if entry.topic else {"act": entry.act} if entry.act else {}
            )
            if entry.answer:
                leads_to["answer"] = entry.answer
            choices.append(Choice(label, leads_to))
        links = tuple(_dialled(text)) if phrase.kind in ("urgent", "crisis") else ()
        return Rendered(text, phrase.kind, tuple(choices), links=links, quick_exit=phrase.quick_exit, key=key)

    def words(self, key: str, place: Place, /, **values: str) -> str:
        """Just the text of a phrase: labels and fragments."""
        return self.phrase(key, place, **values).text

    def items(self, key: str, place: Place) -> Iterable[tuple[str, str, list[str]]]:
        """The lines of a screening card: id, label, conditions."""
        worded = _in_language(self._phrase(key), place.language)
        return (
            [(item.id, item.label, item.conditions) for item in worded.items]
            if isinstance(worded, PhraseText)
            else []
        )

    def title(self, topic: str) -> str:
        """A topic's title, as a choice shows it; the same at every clinic."""
        answer = self._library.answers.get(topic)
        if answer is None:
            raise ContentError(f"no answer for the topic {topic!r}")
        return answer.en.title

    def notices(self, place: Place, at: datetime) -> list[Rendered]:
        """What the clinic wants everybody to know at a moment, such as that it is closed for a holiday."""
        on = at.astimezone(ZoneInfo(place.clinic.timezone)).date()
        return [
            Rendered(
                _plain(words) if place.channel == "sms" else words, "notice", key=f"notice/{notice.starts}"
            )
            for notice in place.clinic.notices
            if notice.starts <= on <= notice.ends
            for words in [_worded(notice.en, place.channel).strip()]
        ]

    def contact(self, place: Place) -> str:
        """How to reach the clinic, as a phrase that begins with a verb: "call us at (202) 555-0140"."""
        contact = place.clinic.contact
        if contact.phone:
            return self.words("clinic.contact_phone", place, phone=shown_phone(contact.phone, place.channel))
        if contact.request_form:
            return self.words("clinic.contact_form", place, form=contact.request_form)
        if contact.email:
            return self.words("clinic.contact_email", place, email=contact.email)
        return self.words("clinic.contact_unknown", place)

    def opening(self, place: Place, at: datetime) -> str:
        """ "open" or "closed" at a moment of the clinic's own time, or "unknown" without hours."""
        hours = place.clinic.hours
        if hours is None:
            return "unknown"
        if at.date() in hours.closed:
            return "closed"
        spans = getattr(hours, DAYS[at.weekday()])
        return "open" if any(span[:5] <= f"{at:%H:%M}" < span[6:] for span in spans) else "closed"

    def setting(self, name: str, place: Place) -> str | None:
        """A clinic's own sentence, or None where the profile does not set it."""
        if name in MADE_SETTINGS:
            made = getattr(self, f"_{name}")(place)
            return made or None
        found = place.clinic.settings.get(name)
        return None if found is None else _worded(found.en, place.channel)

    def _fill(
        self, text: str, place: Place, *, values: Mapping[str, str] = {}, unset: Mapping[str, str] = {}
    ) -> str:
        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name in values:
                return values[name]
            if name == "clinic":
                return place.clinic.name
            if name == "contact":
                return self.contact(place)
            if name == "provider":
                return place.clinic.provider_word
            given = self.setting(name, place)
            if given is not None:
                return given
            if name in unset:
                return self._fill(unset[name], place)
            raise ContentError(f"the placeholder {{{name}}} stands for nothing in: {text[:60]}")

        filled = PLACEHOLDER.sub(value, text.strip())
        return _plain(filled) if place.channel == "sms" else filled

    def _hours(self, place: Place) -> str:
        hours = place.clinic.hours
        if hours is None:
            return ""
        lines = [
            self.words("clinic.hours_line", place, days=days, times=times)
            for days, times in self._grouped_hours(hours, place)
        ]
        return " ".join(lines) if place.channel == "sms" else "\n".join(f"- {line}" for line in lines)

    def _grouped_hours(self, hours: Hours, place: Place) -> list[tuple[str, str]]:
        """Runs of days with the same times: ("Monday to Thursday", "8 am to noon, 1 pm to 6 pm")."""
        runs: list[tuple[list[str], list[str]]] = []
        for day in DAYS:
            spans = list(getattr(hours, day))
            if runs and runs[-1][1] == spans:
                runs[-1][0].append(day)
            else:
                runs.append(([day], spans))
        grouped = []
        for days, spans in runs:
            names = [self.words(f"clinic.day_{day}", place) for day in (days[0], days[-1])]
            label = (
                names[0]
                if len(days) == 1
                else self.words("clinic.day_range", place, first=names[0], last=names[1])
            )
            times = ", ".join(
                self.words(
                    "clinic.time_range",
                    place,
                    start=self._time(span[:5], place),
                    end=self._time(span[6:], place),
                )
                for span in spans
            )
            grouped.append((label, times or self.words("clinic.closed", place)))
        return grouped

    def _time(self, value: str, place: Place) -> str:
        hour, minute = int(value[:2]), value[3:]
        if (hour, minute) == (12, "00"):
            return self.words("clinic.noon", place)
        number = f"{(hour - 1) % 12 + 1}" + ("" if minute == "00" else f":{minute}")
        return self.words("clinic.time_am" if hour < 12 else "clinic.time_pm", place, time=number)

    def _phone(self, place: Place) -> str:
        phone = place.clinic.contact.phone
        return self.words("clinic.phone", place, phone=shown_phone(phone, place.channel)) if phone else ""

    def _email(self, place: Place) -> str:
        email = place.clinic.contact.email
        return self.words("clinic.email", place, email=email) if email else ""

    def _locations(self, place: Place) -> str:
        return self._listed(place, place.clinic.locations, with_address=place.channel != "sms")

    def _needling_locations(self, place: Place) -> str:
        offered = [location for location in place.clinic.locations if location.needling == "yes"]
        asked = [location for location in place.clinic.locations if location.needling == "ask"]
        sentences = []
        if offered:
            key = "clinic.needling_at_one" if len(offered) == 1 else "clinic.needling_at"
            sentences.append(self.words(key, place, places=self._and(place, offered)))
        if asked:
            sentences.append(self.words("clinic.needling_ask", place, places=self._and(place, asked)))
        return " ".join(sentences)

    def _parking(self, place: Place) -> str:
        told = [
            _worded(location.parking.en, place.channel)
            for location in place.clinic.locations
            if location.parking
        ]
        return " ".join(told)

    def _listed(self, place: Place, locations: list[Location], *, with_address: bool) -> str:
        if not locations:
            return ""
        if not with_address:
            return self.words("clinic.locations", place, places=self._and(place, locations))
        lines = []
        for location in locations:
            details = [
                part
                for part in (
                    location.address,
                    shown_phone(location.phone, place.channel) if location.phone else None,
                )
                if part
            ]
            lines.append(f"- **{location.name}**" + (f": {', '.join(details)}" if details else ""))
        return "\n".join(lines)

    def _and(self, place: Place, locations: list[Location]) -> str:
        names = [location.name for location in locations]
        if len(names) == 1:
            return names[0]
        return self.words("clinic.and", place, first=", ".join(names[:-1]), last=names[-1])

    def _phrase(self, key: str) -> Phrase:
        found = self._library.phrases.get(key)
        if found is None:
            raise ContentError(f"no phrase {key!r} in content/phrases")
        return found

    def _source(self, name: str) -> SourceNote:
        source = self._library.sources.get(name)
        if source is None:
            raise ContentError(f"no source {name!r} in content/sources.yml")
        return SourceNote(name, source.title, source.publisher, source.year, source.address)


def shown_phone(number: str, channel: str) -> str:
    """A phone number as people write it; on the web it is a link that dials."""
    parsed = phonenumbers.parse(number, "US")
    national = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    if channel == "sms":
        return national
    return f"[{national}](tel:{phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)})"


def labelled(label: Label | Setting, language: str) -> str:
    """A profile's own label in a language, else in English."""
    return _worded(getattr(label, language, None) or label.en, "web")


def _dialled(text: str) -> Iterable[Link]:
    """The numbers that a text tells one to call, as links a channel can show large; each once."""
    found = {url: label for label, url in _LINK.findall(text) if url.startswith("tel:")}
    return [Link(label, url) for url, label in found.items()]


def _in_language(phrase: Phrase, language: str) -> str | PhraseText:
    return (phrase.es if language == "es" else None) or phrase.en


def _worded(text: str | Text | PhraseText, channel: str) -> str:
    if isinstance(text, str):
        return text
    return (text.sms if channel == "sms" else None) or text.web


def _plain(text: str) -> str:
    """Small Markdown as plain text: "[Call 911](tel:911)" becomes "Call 911"."""
    text = _LINK.sub(
        lambda match: match[1] if match[2].startswith("tel:") else f"{match[1]}: {match[2]}", text
    )
    return re.sub(r"\s+", " ", text.replace("**", "").replace("\n- ", " ")).strip()
