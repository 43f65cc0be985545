"""The form of an answer: from the answer to its fields, and from what was typed to an answer."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from starlette.datastructures import ImmutableMultiDict

from needlewise.content.checks.shapes import ALL_SETTINGS
from needlewise.content.files import from_yaml, to_yaml
from needlewise.content.library import Library, parts_of
from needlewise.content.live import try_answer
from needlewise.content.model import Answer, AnswerText, Text, Unset
from needlewise.content.proof import Proofreader, Remark
from needlewise.content.render import PLACEHOLDER
from needlewise.errors import ContentError

PARTS = {"web": "On the website", "more": "“Tell me more”", "sms": "As a text message"}
FOLLOW_UPS = {"why": "If they ask “why?”", "how_long": "If they ask “how long?”"}
MOST_RELATED = 4
LONGEST = 4000


@dataclass(frozen=True)
class Draft:
    """What somebody typed: the fields as they were, the answer that they make, and what is wrong with it."""

    answer: Answer
    clinic: str
    """Whose words they are; empty for every clinic."""
    based_on: int
    note: str = ""
    remarks: tuple[Remark, ...] = field(default=())

    @property
    def errors(self) -> int:
        return sum(remark.is_error for remark in self.remarks)

    def at(self, name: str) -> list[Remark]:
        """The remarks beside a field."""
        return [remark for remark in self.remarks if remark.field == name]


def read_draft(form: ImmutableMultiDict[str, str], before: Answer) -> Draft:
    """The answer in the form's fields, over the one that was edited. What cannot be read stands as it was, with a remark."""
    remarks = []
    texts = {name: _text(form, name) for name in (*PARTS, *FOLLOW_UPS)}
    for name, text in texts.items():
        if len(text) > LONGEST:
            remarks.append(Remark(name, f"at most {LONGEST} letters"))
            texts[name] = text[:LONGEST]
    remarks += [Remark(name, "write what patients are told") for name in ("web", "sms") if not texts[name]]
    title = " ".join(form.get("title", before.en.title).split())
    if not 4 <= len(title) <= 40:
        remarks.append(Remark("title", "4 to 40 letters: it is the words on a button, too"))
    try:
        review_by = date.fromisoformat(form.get("review_by", ""))
    except ValueError:
        review_by = before.review_by
        remarks.append(Remark("review_by", "choose the day by which somebody reads this again"))
    follow_ups = {name: texts[name] for name in FOLLOW_UPS if texts[name]}
    unset = {}
    for name in _settings_in(texts.values()):
        web, sms = _text(form, f"unset-{name}-web"), _text(form, f"unset-{name}-sms")
        if not web:
            remarks.append(
                Remark(f"unset-{name}-web", f"write what is said where a clinic has not set {{{name}}}")
            )
        unset[name] = Unset(Text(web, sms or None))
    words = AnswerText(
        title,
        texts["web"],
        texts["sms"],
        more=texts["more"] or None,
        follow_ups=follow_ups,  # type: ignore[arg-type]
        clinic=unset,
    )
    shown = " ".join(texts.values()).casefold()
    answer = Answer(
        before.topic,
        before.version,
        review_by,
        # In the order in which they stood: the form has an order of its own.
        sorted(dict.fromkeys(form.getlist("sources")), key=lambda name: _place(name, before.sources)),
        list(dict.fromkeys(name for name in form.getlist("related") if name))[:MOST_RELATED],
        words,
        # What a text no longer says needs no permission.
        [entry for entry in before.allow if entry.phrase.casefold() in shown],
    )
    based_on = form.get("based_on", "")
    return Draft(
        answer,
        form.get("clinic", ""),
        int(based_on) if based_on.isascii() and based_on.isdigit() and len(based_on) < 9 else 0,
        form.get("note", "").strip(),
        tuple(remarks),
    )


def proofread(draft: Draft, served: Iterable[str], library: Library, proof: Proofreader) -> Draft:
    """The draft with everything that the checker says of it. Slow at first: call it in a thread."""
    served = list(served)
    found = list(draft.remarks)
    known = {remark.field for remark in found}
    found += [remark for remark in proof.answer(draft.answer, served) if remark.field not in known]
    if not any(remark.is_error for remark in found):
        try:
            from_yaml(to_yaml(draft.answer), Answer, Path("answer.yml"))
            changed = with_draft(draft, library)
            try_answer(draft.answer.topic, [library.clinic(name) for name in served], changed)
        except ContentError as error:
            found.append(Remark("", str(error)))
    found.sort(key=lambda remark: not remark.is_error)
    return Draft(draft.answer, draft.clinic, draft.based_on, draft.note, tuple(found))


def with_draft(draft: Draft, library: Library) -> Library:
    """The library as it would be with the draft, for looking at it."""
    answer = draft.answer
    if draft.clinic:
        own = {**library.own_answers, (draft.clinic, answer.topic): answer}
        return Library(library.answers, library.phrases, library.clinics, library.sources, own)
    answers = {**library.answers, answer.topic: answer}
    return Library(answers, library.phrases, library.clinics, library.sources, library.own_answers)


def parts_in_order(answer: Answer) -> list[str]:
    """The parts beside the short answer, as a form has them."""
    return [part for part in ("more", *FOLLOW_UPS) if part in parts_of(answer)]


def _text(form: ImmutableMultiDict[str, str], name: str) -> str:
    return form.get(name, "").replace("\r\n", "\n").replace("\x00", "").strip()


def _place(name: str, order: list[str]) -> int:
    return order.index(name) if name in order else len(order)


def _settings_in(texts: Iterable[str]) -> list[str]:
    found = [name for text in texts for name in PLACEHOLDER.findall(text) if name in ALL_SETTINGS]
    return list(dict.fromkeys(found))
