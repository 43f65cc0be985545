"""What a clinician signs, as plain data and as a digest of it: another text has another digest, and is not signed.

    digest_of(answer_text("does_it_hurt", "demo", library))
    digest_of(red_flag_texts(content, library)["R22.now"])
    digest_of(screening_texts(content, library, clinic="demo")["C25"])

The data holds every word that bears on health: of an answer also the clinic's own sentences in it, of a rule also what the patient is
told and the words that fire it. What the front desk changes from day to day (hours, numbers, addresses) is left as its placeholder, and
version numbers, dates and neighbours are left out: none of them makes a text say another thing.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from needlewise.content.library import Library
from needlewise.content.model import Answer, Clinic, Phrase, Text
from needlewise.content.render import PLACEHOLDER
from needlewise.errors import ContentError
from needlewise.text.yaml_text import parse, read_text

_NAMES = re.compile(r"[a-z][a-z0-9_]*")


def digest_of(text: Mapping[str, Any]) -> str:
    """64 hexadecimal digits (SHA-256) that change with any word of the data, and with nothing else such as its order."""
    return hashlib.sha256(msgspec.json.encode(text, order="deterministic")).hexdigest()


def answer_text(topic: str, clinic: str, library: Library) -> dict[str, Any]:
    """What patients of a clinic read under a topic, by part and channel, and the sources that it names.

    Raises ContentError where there is no such topic or clinic.
    """
    answer, profile = library.answer(topic, clinic), library.clinic(clinic)
    words = answer.en
    texts: dict[str, str] = {"web": words.web, "more": words.more or "", "sms": words.sms}
    texts.update((str(part), text) for part, text in words.follow_ups.items())
    return {
        "topic": topic,
        "title": library.answers[topic].en.title,
        "sources": sorted(answer.sources),
        "texts": {
            part: _filled(text, answer, profile, "sms" if part == "sms" else "web")
            for part, text in texts.items()
            if text
        },
    }


def red_flag_texts(content: Path, library: Library) -> dict[str, dict[str, Any]]:
    """Every red-flag rule by id: as it stands in content/safety/red_flags.yml, with the concepts that it names and what is then said.

    Guards, idioms and shorthand, which bear on all rules alike, are no part of any. Raises ContentError for a file that is no YAML.
    """
    data = _rules(content / "safety" / "red_flags.yml")
    concepts = {name: " ".join(written.split()) for name, written in data["concepts"].items()}
    always = {name.strip() for name in str(data.get("always", "")).split(",")}
    found = {}
    for rule in data["rules"]:
        named = _concepts_of(rule, concepts)
        phrase = str(rule.get("phrase") or "safety." + rule["level"])
        found[str(rule["id"])] = {
            "rule": rule,
            "concepts": {name: concepts[name] for name in sorted(named)},
            "always": sorted(named & always),
            "said": _said(phrase, library),
        }
    return found


def screening_texts(content: Path, library: Library, *, clinic: str) -> dict[str, dict[str, Any]]:
    """Every row of the screening table (C1, C25…, card:now): its conditions, what is then said, and what this clinic chose for them.

    Raises ContentError for a file that is no YAML, and where there is no such clinic.
    """
    data = _rules(content / "screening.yml")
    policy = library.clinic(clinic).screening_policy
    rows: dict[str, dict[str, Any]] = {}
    for condition in data["conditions"]:
        row = rows.setdefault(
            str(condition["row"]), {"conditions": [], "together": [], "policy": {}, "said": {}}
        )
        row["conditions"].append(condition)
        if condition["id"] in policy:
            row["policy"][condition["id"]] = policy[condition["id"]]
        if tell := condition.get("tell"):
            row["said"][tell] = _said(tell, library)
        row["together"] += [
            one for one in data.get("together", []) if condition["id"] in (*one["when"], one["then"])
        ]
    for card in data["cards"]:
        asked = [one["id"] for one in data["conditions"] if one.get("card") == card["id"]]
        question = _said("screening.card_" + card["id"], library)
        rows[f"card:{card['id']}"] = {"card": card, "asks": asked, "said": question}
    return rows


def _rules(path: Path) -> Any:
    return _parsed(path, read_text(path))


@lru_cache(maxsize=4)
def _parsed(path: Path, text: str) -> Any:
    """The file's data, which nobody changes: parsing it takes most of what these texts take."""
    return parse(path, text)


def _filled(text: str, answer: Answer, clinic: Clinic, channel: str) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1]
        if setting := clinic.settings.get(name):
            return _worded(setting.en, channel)
        if (entry := answer.en.clinic.get(name)) is not None:
            return f"{match[0]} ({_worded(entry.unset, channel)})"
        return match[0]

    return PLACEHOLDER.sub(value, text.strip())


def _worded(text: str | Text, channel: str) -> str:
    if isinstance(text, str):
        return text.strip()
    return ((text.sms if channel == "sms" else None) or text.web).strip()


def _concepts_of(rule: Mapping[str, Any], concepts: Mapping[str, str]) -> set[str]:
    """The concepts that a rule is written in, and those that they are written in."""
    written = [*map(str, rule.get("fires", [])), str(rule.get("unless", ""))]
    waiting = {name for text in written for name in _NAMES.findall(text) if name in concepts}
    waiting |= set(_inner(str(rule.get("says", ""))))
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in concepts and name not in found:
            found.add(name)
            waiting.update(_inner(concepts[name]))
    return found


def _inner(phrases: str) -> Iterator[str]:
    return (name for name in re.findall(r"<([a-z][a-z0-9_]*)>", phrases))


def _said(key: str, library: Library) -> Any:
    phrase: Phrase | None = library.phrases.get(key)
    if phrase is None:
        raise ContentError(f"no phrase {key!r} in content/phrases")
    return msgspec.to_builtins({"en": phrase.en, "es": phrase.es})
