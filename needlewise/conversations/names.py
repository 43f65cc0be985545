"""Where a message names a person: lists of names, what leads up to a name, and spaCy's opinion."""

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from itertools import accumulate
from pathlib import Path

from rapidfuzz import fuzz, process
from spacy.language import Language
from spacy.tokens import Doc, Token

Span = tuple[int, int]

_HERE = Path(__file__).parent
_WORD = re.compile(r"[^\W\d_]+(?:['.-][^\W\d_]+)*")
_POSSESSIVE = re.compile(r"'s?$", re.IGNORECASE)
_LONGEST_NAME = 4
_MOSTLY = 0.6


class Kind(Enum):
    """What a word may be, before its surroundings are looked at."""

    FIRST = auto()  # a first name and nothing else
    EITHER = auto()  # a first name and also a word, a month or a place
    LAST = auto()  # a last name and nothing else
    LAST_EITHER = auto()  # a last name and also a word
    UNKNOWN = auto()  # in no dictionary: a rare name, or a misspelt word
    WORD = auto()


class Lead(Enum):
    """How strongly the words before it promise a name."""

    NAMED = auto()  # "my name is"
    INTRODUCED = auto()  # "im", "this is"
    RELATED = auto()  # "my husband", "ask for": only a person comes next
    TITLED = auto()  # "Dr."
    MET = auto()  # "hi", "told", "seeing": a person, though not always by name
    ADDRESSED = auto()  # "with", "for", "by": a name or a hundred other things
    SIGNED = auto()  # "- " at the end
    NONE = auto()


_RELATION = (
    r"(?:husband|wife|spouse|son|daughter|mom|mum|mother|dad|father|brother|sister|friend"
    r"|buddy|boyfriend|girlfriend|partner|aunt|auntie|uncle"
    r"|niece|nephew|grandson|granddaughter|grandma|grandpa|grandmother|grandfather|cousin"
    r"|neighbor|boss|coworker|colleague|fianc[eé]e?|kid|child"
    r"|therapist|pt|physio|doctor|nurse|chiro|chiropractor|acupuncturist|podiatrist"
    r"|receptionist|provider|trainer|coach|manager|caregiver"
    r"|esposo|esposa|hijo|hija|hermano|hermana|amigo|amiga|mam[aá]|pap[aá])"
)
_LEADS = (
    (
        Lead.NAMED,
        r"(?<!brand )\bname(?:'?s)?\s?(?:is|was|:|=|-|,)(?:\sis)?"
        r"|\b(?:my|his|her|their|first|last|full|legal|maiden|middle|family|sur|patient"
        r"|pt)\s?name(?:'?s)?(?:\s(?:is|was))?(?:\s(?:spelled|spelt))?"
        r"|^names?\b|\bnames\b|\b(?:me llamo|mi nombre es|se llama|nombre:?|apellido:?)"
        r"|\b(?:goes by|go by|known as|call(?:s|ed)? (?:him|her))\b|\b(?:patient|pt|attn|from|to"
        r"|guardian|parent|guarantor|emergency contact)\s?:",
    ),
    (
        Lead.INTRODUCED,
        r"\b(?:i'?\s?a?m|i am|this is|this's|it's|its|it is|that's|thats|soy|here is|here's"
        r"|call me|called|named|aka|es)\b",
    ),
    (
        Lead.RELATED,
        r"\b(?:ask|asked|asking) for\b|\b(?:speak|spoke|speaking|talk|talked|talking|chat"
        r"|chatted) (?:to|with)\b"
        rf"|\b{_RELATION}(?:'?s name)?(?:,? is|'s)?\b,?",
    ),
    (
        Lead.TITLED,
        r"\b(?:mr|mrs|ms|mx|miss|dr|doctor|doc|prof|professor|nurse|aunt|auntie|uncle|grandma"
        r"|grandpa|sra|srta|se[nñ]ora?|sr|do[nñ]a|don)\b\.?",
    ),
    (
        Lead.MET,
        r"\b(?:hi|hello|hey|heya|hiya|yo|hola|dear|thanks|thank you|thx|thnx|ty|tysm|gracias"
        r"|regards|rgds|sincerely|cheers|yours truly|respectfully"
        r"|under|tell|told|see|seeing|saw|seen|met|meet|cc|attn)\b",
    ),
    (
        Lead.ADDRESSED,
        r"\b(?:best|love|blessings|take care|morning|afternoon|evening|sorry|ok|okay|please|pls"
        r"|with|w/|from|by|for|to|about|text|texted|email|emailed"
        r"|call|called|did|was|is|are|has|had|loved|like|liked|and|con|para|there|ask|asked)\b",
    ),
    (Lead.SIGNED, r"(?:(?:^|\s|[.!?,])[-\u2013\u2014~*]{1,3}|[.!?,\n])(?=\s?[^\W\d_])"),
)
_LEAD = re.compile("|".join(f"(?P<{lead.name}>{pattern})" for lead, pattern in _LEADS), re.IGNORECASE)
_AFTER_LEAD = re.compile(r"[\s:,\"'(*.\-]{0,4}")
_SPEAKS = re.compile(r"\s{1,2}(?:here|speaking|calling|again|texting|writing|aqu[ií])\b", re.IGNORECASE)
_ACTS = re.compile(
    r"\s{1,2}(?:at the|said|says|told|did|was|called|treated|needled|helped|from|who|has|had)\b",
    re.IGNORECASE,
)
_PERSON_DID = re.compile(
    r"\s{1,2}(?:said|says|told|called|asked|emailed|texted|wants|who|is in|was (?:so|great"
    r"|nice|kind|rude|late|the))\b",
    re.IGNORECASE,
)
_PERSON_DOES = re.compile(
    r"\s{1,2}(?:call|text|email|ring|phone|come|be|see|meet|fit|squeeze|reach|work|still|know"
    r"|do my|do it|take me|help me)\b",
    re.IGNORECASE,
)
_MODAL = re.compile(r"can|could|does|did|will|would|should|is|has|have|let|may|might")
_ENDS = re.compile(
    r"\s{0,2}(?:$|[.,;:!?)\n(\-\u2013]|\d|\+|and\b|&|from\b|y\b|with\b|here\b|calling\b"
    r"|i'?m?\b|my\b|his\b|her\b)",
    re.IGNORECASE,
)
_LAST_OF_TEXT = re.compile(r"\s{0,2}[.!,)]{0,2}\s{0,2}(?:$|[\n\d(+<\[])")
_INITIAL = re.compile(r"\s{1,2}([A-Za-z])(?:\.|(?=\s{1,2}[A-Z])|(?=\s{0,2}(?:$|[,!?])))")
# The letters left out stand for words in chats: "r u", "n", "w".
_SMALL_INITIAL = re.compile(r" [bdefghjlmpqstvz]\.?(?=\s|$)")
_JOINED = re.compile(r"[ \t]{1,2}|-|\. ")
_PARTICLE = re.compile(
    r"de|da|di|del|dela|la|las|los|van|von|der|den|bin|ibn|al|el|le|st|mac|mc|abu|ben|ter"
    r"|san|dos|santa"
)
_INSTITUTION = re.compile(
    r"hospital|clinic|university|college|medical|health|healthcare|center|centre|church"
    r"|school|street|st|stadium|county|park|mall|pharmacy|insurance|shoes|shoe|sneakers"
    r"|insoles|brand|syndrome|disease|neuroma|test|fracture|palsy|tendon|method|technique"
)
_PLACE_LEAD = re.compile(r"in|at|near|around|to|from|downtown|outside|north|south|east|west|towards|via")
_DATE_NEXT = re.compile(r"\s{1,2}\d{1,2}\b|\s{1,2}(?:19|20)\d\d\b")
_STATE_LIKENESS = 78
_ENDINGS = re.compile(
    r"(?:ing|ous|ful|less|ness|tion|ible|able|ally|itis|opathy|ology|algia|ectomy|osis|emia)$"
)
_DRAWN_OUT = re.compile(r"(.)\1\1")
_SHORTEST_UNKNOWN = 3


@dataclass(frozen=True)
class Word:
    """A word of the message, without its possessive ending."""

    start: int
    end: int
    text: str
    plain: str
    kind: Kind
    kept: bool  # part of a phrase that stays readable
    capital: bool  # begins with a capital that says something
    tag: str  # the parser's part of speech, "" where the parser cannot know
    entity: str  # what the recogniser takes it for, "" for nothing

    @property
    def person(self) -> bool:
        """Whether the recogniser takes it for a person."""
        return self.entity == "PERSON"


class NameFinder:
    """Finds the names of people in a parsed message."""

    def __init__(self, nlp: Language, allowed: Collection[str]) -> None:
        self._first = first_names()
        self._either = ambiguous_names()
        self._last = last_names()
        never = {entry.casefold() for entry in (*_lines("not_names.txt"), *allowed)}
        self._never = frozenset(entry for entry in never if " " not in entry)
        self._phrases = _by_first_word(entry for entry in never if " " in entry)
        self._states = _lines("said_of_oneself.txt")
        self._vocabulary = _dictionary(nlp)
        self.ordinary = frozenset(nlp.Defaults.stop_words) | frozenset(_lines("not_names.txt"))

    def find(self, doc: Doc, *, besides: Collection[Span] = ()) -> Iterator[Span]:
        """(start, end) of every name outside the stretches `besides`, in order; parts of one name come as one."""
        yield from _Message(doc, self, besides).names()

    def kind(self, plain: str) -> Kind:
        """What a lower-case word may be."""
        if plain in self._either or (plain in self._first and plain in self._never):
            return Kind.EITHER
        if plain in self._first:
            return Kind.FIRST
        if plain in self._last:
            return (
                Kind.LAST_EITHER if self._known(plain) or self._known(plain.removesuffix("s")) else Kind.LAST
            )
        if self._known(plain):
            return Kind.WORD
        parts = re.split(r"[-'.]", plain)
        if len(parts) > 1:
            kinds = [self.kind(part) for part in parts if part]
            for kind in (Kind.FIRST, Kind.LAST):
                if kind in kinds:
                    return kind
            if all(kind is not Kind.UNKNOWN for kind in kinds):
                return Kind.WORD
        return Kind.UNKNOWN if len(plain) >= _SHORTEST_UNKNOWN else Kind.WORD

    def _known(self, plain: str) -> bool:
        return plain in self._never or plain in self._vocabulary or plain in self.ordinary

    def inflected(self, plain: str, lemma: str) -> bool:
        """Whether it is a form of a word we know: "stretches", "needled"."""
        return self._known(lemma) or any(
            plain.endswith(ending)
            and (self._known(plain.removesuffix(ending)) or self._known(plain.removesuffix(ending) + "e"))
            for ending in ("s", "es", "ed", "ing", "er", "ers", "ly", "y", "n't", "nt", "in")
        )

    def misspelt(self, plain: str) -> bool:
        """Whether an unknown word is rather one of the things people say they are, or no name at all."""
        if _ENDINGS.search(plain) or _DRAWN_OUT.search(plain):
            return True
        like = process.extractOne(plain, self._states, scorer=fuzz.ratio, score_cutoff=_STATE_LIKENESS)
        return like is not None

    def is_never(self, plain: str) -> bool:
        """Whether our content or the list of things that are not names has it."""
        return plain in self._never

    def is_last(self, plain: str) -> bool:
        """Whether it is a last name, whatever else it is."""
        return plain in self._last

    def phrases_from(self, first: str) -> tuple[tuple[str, ...], ...]:
        """The phrases that stay readable and begin with this word."""
        return self._phrases.get(first, ())


class _Message:
    """One message while its names are looked for."""

    def __init__(self, doc: Doc, finder: NameFinder, besides: Collection[Span]) -> None:
        self._finder = finder
        self._text = doc.text
        hidden = _ends_by_start(besides)
        matches = [match for match in _WORD.finditer(self._text) if not _within(match.start(), *hidden)]
        self._telling = _capitals_tell([match[0] for match in matches])
        tokens = {token.idx: token for token in doc}
        kept = self._kept([match[0].casefold() for match in matches])
        self.words = [
            self._word(match, tokens.get(match.start()), is_kept)
            for match, is_kept in zip(matches, kept, strict=True)
        ]

    @cached_property
    def _at(self) -> Mapping[int, int]:
        return {word.start: index for index, word in enumerate(self.words)}

    def _kept(self, plain: list[str]) -> list[bool]:
        kept = [False] * len(plain)
        for index, word in enumerate(plain):
            for phrase in self._finder.phrases_from(word):
                if tuple(plain[index : index + len(phrase)]) == phrase:
                    kept[index : index + len(phrase)] = [True] * len(phrase)
        return kept

    def _word(self, match: re.Match[str], token: Token | None, kept: bool) -> Word:
        said = match[0]
        whole = said.casefold()
        stem = said if self._finder.is_never(whole) else _POSSESSIVE.sub("", said)
        plain = stem.casefold()
        kind = self._finder.kind(plain)
        if (
            kind is Kind.UNKNOWN
            and token is not None
            and self._finder.inflected(plain, token.lemma_.casefold())
        ):
            kind = Kind.WORD
        return Word(
            start=match.start(),
            end=match.start() + len(stem),
            text=stem,
            plain=plain,
            kind=kind,
            kept=kept,
            capital=self._telling and said[0].isupper(),
            tag=token.tag_ if token is not None and self._telling else "",
            entity=token.ent_type_ if token is not None else "",
        )

    def names(self) -> Iterable[Span]:
        """Every name with its extent."""
        leads = self._leads()
        taken: list[tuple[int, int]] = []
        done = 0
        for index, word in enumerate(self.words):
            if index < done or not self._is_name(index, leads.get(index, Lead.NONE)):
                continue
            first = self._backwards(index, done)
            done = self._forwards(index, leads.get(index, Lead.NONE)) + 1
            taken.append((self.words[first].start, self._with_initial(done - 1, word)))
        return taken

    def _leads(self) -> dict[int, Lead]:
        """The strongest lead before each word that has one."""
        leads: dict[int, Lead] = {}
        at = 0
        while found := _LEAD.search(self._text, at):
            lead = Lead[found.lastgroup or ""]
            after = _AFTER_LEAD.match(self._text, found.end())
            index = self._at.get(after.end() if after else found.end())
            if index is not None and (index not in leads or leads[index].value > lead.value):
                leads[index] = lead
            at = max(found.end(), at + 1)
        return leads

    def _is_name(self, index: int, lead: Lead) -> bool:
        word = self.words[index]
        if word.kept and lead is not Lead.NAMED:
            return False
        if self._names_a_thing(index) and lead is not Lead.NAMED:
            return False
        match word.kind:
            case Kind.FIRST:
                return True
            case Kind.EITHER:
                return self._is_either(index, lead)
            case Kind.LAST:
                return lead is not Lead.NONE or word.person or word.capital or word.tag in ("NNP", "NNPS")
            case Kind.LAST_EITHER:
                return self._is_last(index, lead)
            case Kind.UNKNOWN:
                return self._is_unknown(index, lead)
            case Kind.WORD:
                return self._is_word(index, lead)

    def _names_a_thing(self, index: int) -> bool:
        """Whether it is called after a person: a hospital, a shoe, a test."""
        following = [word.plain for word in self.words[index + 1 : index + 3]]
        if following[:1] and _INSTITUTION.fullmatch(following[0]) and self._adjoin(index, index + 1):
            return not (following[0] == "park" and not self.words[index + 1].capital)
        return (
            len(following) == 2
            and following[1] in ("hospital", "university", "clinic")
            and self.words[index + 1].capital
        )

    def _is_either(self, index: int, lead: Lead) -> bool:
        word = self.words[index]
        ends = bool(_ENDS.match(self._text, word.end))
        surname = self._surname_follows(index)
        if _DATE_NEXT.match(self._text, word.end) and self._finder.is_never(word.plain):
            return False
        if lead is Lead.NAMED:
            return True
        if surname or _SPEAKS.match(self._text, word.end):
            return True
        if lead is Lead.RELATED and word.tag.startswith("NN") and not self._finder.is_never(word.plain):
            return True
        if lead in (Lead.INTRODUCED, Lead.RELATED, Lead.TITLED):
            return word.capital or ends
        before = self.words[index - 1].plain if index else ""
        if self._finder.is_never(word.plain) or _PLACE_LEAD.fullmatch(before):
            return lead is Lead.SIGNED and word.capital and self._closes(word)
        if lead is Lead.SIGNED:
            return (word.capital and self._closes(word)) or (index == 0 and word.tag == "NNP")
        if lead in (Lead.MET, Lead.ADDRESSED):
            return (
                word.capital
                or (ends and word.tag == "NNP")
                or (lead is Lead.MET and bool(_LAST_OF_TEXT.match(self._text, word.end)))
            )
        if len(self.words) == 1:
            return word.text[0].isupper()
        return word.person or (
            word.capital and (word.tag == "NNP" or bool(_ACTS.match(self._text, word.end)))
        )

    def _is_last(self, index: int, lead: Lead) -> bool:
        word = self.words[index]
        if lead is Lead.TITLED:
            return not self._finder.is_never(word.plain) or word.capital
        if lead is Lead.NAMED:
            return word.capital or not word.tag or word.tag.startswith(("NN", "JJ"))
        if self._finder.is_never(word.plain):
            return False
        if lead in (Lead.INTRODUCED, Lead.RELATED):
            return word.capital and bool(_ENDS.match(self._text, word.end))
        return word.person and word.capital

    def _is_unknown(self, index: int, lead: Lead) -> bool:
        word = self.words[index]
        if lead in (Lead.NAMED, Lead.TITLED):
            return True
        if self._finder.misspelt(word.plain):
            return False
        if lead in (Lead.INTRODUCED, Lead.RELATED):
            return True
        if word.text.isupper() and self._telling:
            return False  # "had PRP": letters that stand for something
        if lead is Lead.MET and word.capital:
            return True
        if word.entity not in ("", "PERSON"):
            return False
        if _SPEAKS.match(self._text, word.end) or (word.capital and self._behaves(index)):
            return True
        if lead is Lead.SIGNED:
            return word.capital and (self._closes(word) or word.person)
        if lead in (Lead.MET, Lead.ADDRESSED):
            return word.capital or (word.person and word.tag == "NNP")
        return word.person and (word.capital or self._surname_follows(index))

    def _is_word(self, index: int, lead: Lead) -> bool:
        """A word of the dictionary is a name only where nothing else can stand: "my name is Sparrow"."""
        word = self.words[index]
        if self._finder.is_never(word.plain) or word.plain in self._finder.ordinary:
            return False
        if lead is Lead.TITLED:
            return word.capital and word.tag == "NNP"
        if lead is not Lead.NAMED:
            return False
        return word.capital or (word.tag.startswith("NN") and bool(_ENDS.match(self._text, word.end)))

    def _behaves(self, index: int) -> bool:
        """Whether it does what only people do: "Saoirse said", "can Saoirse call me"."""
        word = self.words[index]
        if _PERSON_DID.match(self._text, word.end):
            return True
        return (
            index > 0
            and bool(_MODAL.fullmatch(self.words[index - 1].plain))
            and bool(_PERSON_DOES.match(self._text, word.end))
        )

    def _closes(self, word: Word) -> bool:
        """Whether it, or it and one more word, ends the message."""
        if _LAST_OF_TEXT.match(self._text, word.end):
            return True
        index = self._at[word.start] + 1
        return (
            index < len(self.words)
            and self._adjoin(index - 1, index)
            and bool(_LAST_OF_TEXT.match(self._text, self.words[index].end))
        )

    def _surname_follows(self, index: int) -> bool:
        if index + 1 >= len(self.words) or not self._adjoin(index, index + 1):
            return False
        word = self.words[index + 1]
        if word.kept:
            return False
        if word.kind is Kind.LAST:
            return True
        return (
            word.capital
            and (word.kind in (Kind.FIRST, Kind.EITHER, Kind.LAST_EITHER, Kind.UNKNOWN))
            and self.words[index].capital
        )

    def _adjoin(self, first: int, second: int) -> bool:
        return bool(_JOINED.fullmatch(self._text, self.words[first].end, self.words[second].start))

    def _backwards(self, index: int, done: int) -> int:
        """The first word of the name: "Nguyen, Thuy" and "Nguyen Thuy" begin with the last name."""
        before = index - 1
        if before < done:
            return index
        if self._is_initial(before, index):
            return before
        if self.words[index].kind not in (Kind.FIRST, Kind.EITHER):
            return index
        word = self.words[before]
        gap = self._text[word.end : self.words[index].start]
        is_last = word.kind is Kind.LAST or (word.kind in (Kind.LAST_EITHER, Kind.UNKNOWN) and word.capital)
        opens = before == 0 or self._text[self.words[before - 1].end : word.start].strip() != ""
        if (
            is_last
            and not word.kept
            and ((gap == ", " and opens) or (gap == " " and word.kind is not Kind.UNKNOWN))
        ):
            return before
        return index

    def _is_initial(self, index: int, following: int) -> bool:
        """Whether the word is the "J." of "J. Alvarez"."""
        word = self.words[index]
        gap = self._text[word.end : self.words[following].start]
        return (
            len(word.plain) == 1
            and word.text.isupper()
            and (gap in (". ", ".") or (gap == " " and word.plain not in "ia"))
        )

    def _forwards(self, index: int, lead: Lead) -> int:
        """The last word of the name."""
        last = index
        while last + 1 < len(self.words) and last - index < _LONGEST_NAME - 1:
            step = self._belongs(last, last + 1, lead)
            if not step:
                break
            last += step
        return last

    def _belongs(self, last: int, following: int, lead: Lead) -> int:
        """How many words the name grows by: 0, 1, or 2 with a "de" or an initial between."""
        word = self.words[following]
        gap = self._text[self.words[last].end : word.start]
        if not _JOINED.fullmatch(gap) or word.kept:
            return 0
        if len(word.plain) == 1 or _PARTICLE.fullmatch(word.plain):
            further = following + 1
            if further < len(self.words) and self._continues(further, lead):
                nearer = self._text[word.end : self.words[further].start]
                single = len(word.plain) == 1 and not (word.capital or nearer.startswith("."))
                if re.fullmatch(r"\.?[ ]{0,2}", nearer) and not single:
                    return 2
            return 1 if _PARTICLE.fullmatch(word.plain) and word.capital else 0
        return 1 if self._continues(following, lead) else 0

    def _continues(self, index: int, lead: Lead) -> bool:
        word = self.words[index]
        noun = not word.tag or word.tag.startswith("NN")
        match word.kind:
            case Kind.FIRST | Kind.LAST:
                return True
            case Kind.EITHER:
                return (
                    word.capital
                    or (word.person and word.tag == "NNP")
                    or (self._finder.is_last(word.plain) and noun)
                )
            case Kind.LAST_EITHER:
                if word.plain in self._finder.ordinary:
                    return word.capital
                return word.capital or noun or word.person
            case Kind.UNKNOWN:
                return (
                    word.capital or word.person or noun or lead is Lead.NAMED
                ) and not self._finder.misspelt(word.plain)
            case Kind.WORD:
                if self._finder.is_never(word.plain) or word.plain in self._finder.ordinary:
                    return False
                return word.capital or (
                    lead is Lead.NAMED
                    and word.tag.startswith("NN")
                    and bool(_ENDS.match(self._text, word.end))
                )

    def _with_initial(self, last: int, first: Word) -> int:
        """Where the name ends, with the initial in "Dave S."."""
        end = self.words[last].end
        initial = _INITIAL.match(self._text, end)
        if initial and initial[1] not in "IiaA" and first.capital >= initial[1].isupper():
            return initial.end()
        small = _SMALL_INITIAL.match(self._text, end) if first.kind is Kind.FIRST else None
        return small.end() if small else end


def first_names() -> frozenset[str]:
    """First names that are nothing else, in lower case."""
    return frozenset(entry for entry in _lines("first_names.txt") if not entry.endswith("*"))


def ambiguous_names() -> frozenset[str]:
    """First names that are also words, months or places."""
    return frozenset(entry[:-1] for entry in _lines("first_names.txt") if entry.endswith("*"))


def last_names() -> frozenset[str]:
    """Common last names, in lower case."""
    return frozenset(_lines("last_names.txt"))


def _ends_by_start(spans: Collection[Span]) -> tuple[list[int], list[int]]:
    """The starts of the spans in order, and up to where each and those before it reach."""
    ordered = sorted(spans)
    return [start for start, _ in ordered], list(accumulate((end for _, end in ordered), max))


def _within(at: int, starts: list[int], ends: list[int]) -> bool:
    before = bisect_right(starts, at)
    return before > 0 and at < ends[before - 1]


def _capitals_tell(words: list[str]) -> bool:
    """Whether a capital marks anything: not in SHOUTED messages and In Those Written Like Titles."""
    if len(words) < 4:
        return not all(len(word) > 1 and word.isupper() for word in words)
    capitals = sum(word[0].isupper() for word in words)
    return capitals < _MOSTLY * len(words) + 1


def _dictionary(nlp: Language) -> frozenset[str]:
    """The words of the lemmatiser's dictionary (WordNet's), and their irregular forms."""
    lookups = nlp.get_pipe("lemmatizer").lookups
    words: set[str] = set()
    for forms in lookups.get_table("lemma_index").values():
        words.update(forms)
    for forms in lookups.get_table("lemma_exc").values():
        words.update(forms)
    return frozenset(words)


def _by_first_word(phrases: Iterable[str]) -> Mapping[str, tuple[tuple[str, ...], ...]]:
    found: dict[str, list[tuple[str, ...]]] = {}
    for phrase in phrases:
        words = tuple(match[0] for match in _WORD.finditer(phrase))
        if words:
            found.setdefault(words[0], []).append(words)
    return {first: tuple(rest) for first, rest in found.items()}


def _lines(name: str) -> tuple[str, ...]:
    text = (_HERE / name).read_text(encoding="utf-8")
    return tuple(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))
