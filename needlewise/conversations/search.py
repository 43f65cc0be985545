"""Full-text search over what patients wrote, redacted: what is kept for it, and what staff may type to search it.

Words are folded alike when they are kept and when they are looked for, so that neither database's own ideas of a word matter:
small letters and digits, no accents, one space. Whatever else somebody types separates words, and no query language is left.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Integer, Text, column, func, insert, literal_column, select, table, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from needlewise.db.tables import conversations, searchable

MOST_TERMS = 12
_MOST_IN_A_PHRASE = 12
_LONGEST_WORD = 60

CONFIGURATION = "needlewise"
"""PostgreSQL's text search configuration, made in migration 0004: English stems, and no word left out."""

_MASK = re.compile(r"\[[a-z_]{1,20}\]")
_APOSTROPHE = re.compile(r"['’`´]")
_WORD = re.compile(r"[^\W_]+")
_TYPED = re.compile(r'"([^"]*)"?(\*?)|([^\s"*]+)(\*?)')
_SHORTEST_STEM = 4
_ENDINGS = (
    *("able", "al", "ally", "ance", "ant", "ate", "ated", "ating", "ation", "ative", "ed", "ement", "ence"),
    *("ent", "er", "es", "ful", "fully", "ible", "ic", "ical", "ing", "ingly", "ion", "ism", "ist", "ity"),
    *("ive", "ization", "ize", "ized", "izing", "ly", "ment", "ness", "or", "ous", "ously", "s", "tion"),
)

_words = table("searchable_words", column("rowid", Integer), column("searchable_words", Text))


@dataclass(frozen=True)
class Term:
    """Words that stand side by side; the last one may go on when `is_open`."""

    words: tuple[str, ...]
    is_open: bool = False


@dataclass(frozen=True)
class Search:
    """Terms that a conversation must all have. Without a term nothing is found."""

    terms: tuple[Term, ...]


def parse_search(typed: str) -> Search:
    """What somebody typed: words, "phrases" and beginnings*. Anything is taken, and nothing in it is a command."""
    return Search(tuple(_terms(typed))[:MOST_TERMS])


def folded(text: str) -> str:
    """A text as it is kept for the search: masks left out, words in plain small letters."""
    return " ".join(_split(_MASK.sub(" ", text)))


def found_by(search: Search, dialect: str) -> ColumnElement[bool]:
    """That a conversation has it all."""
    if dialect == "postgresql":
        query = func.to_tsquery(literal_column(f"'{CONFIGURATION}'::regconfig"), _tsquery(search))
        has_all = literal_column("searchable.vector").op("@@")(query)
        found: ColumnElement[bool] = conversations.c.id.in_(select(searchable.c.conversation).where(has_all))
        return found
    match = _words.c.searchable_words.op("MATCH")(_fts5(search))
    # By number, which is in the index of the list: no word sends SQLite anywhere else.
    found = conversations.c.searchable.in_(select(_words.c.rowid).where(match))
    return found


async def make_searchable(connection: AsyncConnection, conversation: str, clinic: str, redacted: str) -> None:
    """Add a message's redacted words to those of its conversation, in the caller's transaction."""
    words = folded(redacted)
    if not words:
        return
    longer = await connection.execute(
        update(searchable)
        .where(searchable.c.conversation == conversation)
        .values(words=searchable.c.words + f" {words}")
    )
    if longer.rowcount:
        return
    row = insert(searchable).values(conversation=conversation, clinic=clinic, words=words)
    identity = (await connection.execute(row)).inserted_primary_key[0]
    await connection.execute(
        update(conversations).where(conversations.c.id == conversation).values(searchable=identity)
    )


def _terms(typed: str) -> Iterator[Term]:
    for found in _TYPED.finditer(typed):
        quoted, after_quote, bare, after_bare = found.groups()
        words = tuple(_split(bare if quoted is None else quoted))[:_MOST_IN_A_PHRASE]
        if words:
            yield Term(words, is_open=bool(after_quote or after_bare))


def _split(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKD", _APOSTROPHE.sub("", text)).casefold()
    plain = "".join(sign for sign in folded if not unicodedata.combining(sign))
    return [word[:_LONGEST_WORD] for word in _WORD.findall(plain)]


def _fts5(search: Search) -> str:
    """In FTS5's language, where what stands in quotes is words. No term is a word that cannot be."""
    return " AND ".join(f"({' OR '.join(_fts5_ways(term))})" for term in search.terms) or '""'


def _fts5_ways(term: Term) -> Iterator[str]:
    yield f'"{" ".join(term.words)}"{" *" if term.is_open else ""}'
    yield from (f'"{stem}"' for stem in _stems(term))


def _tsquery(search: Search) -> str:
    """In the language of to_tsquery, where what stands in quotes is a word."""
    return " & ".join(f"({' | '.join(_tsquery_ways(term))})" for term in search.terms)


def _tsquery_ways(term: Term) -> Iterator[str]:
    yield " <-> ".join(f"'{word}'" for word in term.words) + (":*" if term.is_open else "")
    yield from (f"'{stem}'" for stem in _stems(term))


def _stems(term: Term) -> Iterator[str]:
    """Both indexes hold stems: "insura*" is to find "insurance", which stands there as "insur"."""
    if not term.is_open or len(term.words) > 1:
        return
    word = term.words[0]
    for at in range(max(_SHORTEST_STEM, len(word) - 5), len(word)):
        if any(ending.startswith(word[at:]) for ending in _ENDINGS):
            yield word[:at]
