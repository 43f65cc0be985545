"""Text messages: each, as a clinic's patients would get it, in at most two parts."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from needlewise.content.checks.finding import Finding
from needlewise.content.checks.shapes import ALL_SETTINGS, ALWAYS_FILLED
from needlewise.content.checks.tree import Tree
from needlewise.content.model import PhraseText
from needlewise.content.render import PLACEHOLDER, Place, Renderer
from needlewise.errors import ContentError
from needlewise.text.segments import segments

MOST_SEGMENTS = 2

MOST_SEGMENTS_OF_CARD = 3
"""A screening card has its lines in the text, and leaving out one would not be safe."""

# What actions put into phrases, about as long as it gets in use.
_SAMPLES = {
    "reach": "(202) 555-0140",
    "reference": "ABCD-2345",
    "day": "Wednesday",
    "link": "https://riverbend.example.com/book/new-patient?source=chat",
    "place": "Our other offices",
    "lines": "Office: Mill Street Visit: First visit with an exam Name: Alexandra Reach you at: (202) 555-0140 Times: any day",
    "what": "Tell them the name of each medicine that you take.",
    "expect": "They aim to contact you by Wednesday. If you need them sooner, call us at (202) 555-0140.",
}
_SAMPLE = "about this long"


# Parts of other texts, mail to the clinic, and words of our own pages: never a text message.
_NOT_SENT = ("clinic.", "booking.mail_", "widget.", "page.")


def check(tree: Tree) -> Iterator[Finding]:
    yield from check_answers(tree)
    yield from _check_phrases(tree)


def check_answers(tree: Tree) -> Iterator[Finding]:
    """Answers that are too long, at the clinic where they are longest."""
    renderer, places = Renderer(tree.library), _places(tree)
    for topic, doc in tree.answers.items():
        if message := _too_long({place.clinic.clinic: _answer(renderer, topic, place) for place in places}):
            yield doc.finding(message, "en", "sms")


def _check_phrases(tree: Tree) -> Iterator[Finding]:
    renderer, places = Renderer(tree.library), _places(tree)
    for phrases in tree.phrase_files.values():
        for key, phrase in phrases.value.items():
            if key.startswith(_NOT_SENT):
                continue
            for language, words in (("en", phrase.en), ("es", phrase.es)):
                if words is None:
                    continue
                texts = {
                    place.clinic.clinic: _phrase(renderer, key, words, replace(place, language=language))
                    for place in places
                }
                is_card = isinstance(words, PhraseText) and bool(words.items)
                if message := _too_long(texts, MOST_SEGMENTS_OF_CARD if is_card else MOST_SEGMENTS):
                    form = "sms" if isinstance(words, PhraseText) and words.sms else "web"
                    yield phrases.finding(message, key, language, form)


def _places(tree: Tree) -> list[Place]:
    return [Place(doc.value, "sms") for doc in tree.clinics.values()]


def _too_long(texts: Mapping[str, str], most_allowed: int = MOST_SEGMENTS) -> str | None:
    """What is wrong with a text by clinic, told of the clinic where it is longest."""
    counted = {clinic: segments(text) for clinic, text in texts.items()}
    clinic, most = max(
        counted.items(), key=lambda entry: (entry[1].count, entry[1].units), default=("", segments(""))
    )
    if most.count <= most_allowed:
        return None
    return (
        f"a text message of {most.count} parts for {clinic} ({most.units} units of {most.encoding}): "
        f"at most {most_allowed}"
    )


# What cannot be rendered lacks a phrase, a source or a setting: the rule for those says so.
def _answer(renderer: Renderer, topic: str, place: Place) -> str:
    try:
        return renderer.answer(topic, place).text
    except ContentError:
        return ""


def _phrase(renderer: Renderer, key: str, words: str | PhraseText, place: Place) -> str:
    text = words if isinstance(words, str) else words.sms or words.web
    values = {
        name: _SAMPLES.get(name, _SAMPLE)
        for name in PLACEHOLDER.findall(text)
        if name not in ALWAYS_FILLED | ALL_SETTINGS
    }
    try:
        return renderer.phrase(key, place, **values).text
    except ContentError:
        return ""
