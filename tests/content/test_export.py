"""`needlewise content export`: what was changed in the console stands in the files afterwards, comments and all."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import structs

from needlewise.content.export import export
from needlewise.content.files import to_yaml
from needlewise.content.library import Library, load_library
from needlewise.content.live import Kind, Version, overlay
from needlewise.content.model import Hours, Notice
from needlewise.content.profile import profile_of


@pytest.fixture
def content(tmp_path: Path, root: Path) -> Path:
    shutil.copytree(root / "content", tmp_path / "content")
    return tmp_path / "content"


def version(kind: Kind, key: str, body: str, *, clinic: str = "") -> Version:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    return Version("1", kind, key, clinic, "en", 7, body, "maria", at, "", None)


def exported(content: Path, *versions: Version) -> tuple[Library, list[str]]:
    """The library with these versions, and the names of the files that were written."""
    library, faults = overlay(load_library(content), versions, number=1)
    assert faults == ()
    done = export(content, library, versions)
    return library, [path.name for path in done.written]


def same(library: Library, content: Path) -> bool:
    again = load_library(content)
    return (library.answers, library.clinics) == (again.answers, again.clinics)


@pytest.mark.parametrize(
    "words",
    [
        "It may hurt.",
        'Two lines:\n\n- **one**\n- two: it\'s "so"',
        "# no comment",
        "yes",
        "a: b",
        "tel. 555 ",
    ],
)
def test_a_changed_answer_reads_the_same_from_its_file(content: Path, words: str) -> None:
    answer = load_library(content).answers["does_it_hurt"]
    changed = structs.replace(answer, en=structs.replace(answer.en, web=words))
    library, written = exported(content, version("answer", "does_it_hurt", to_yaml(changed)))
    assert written == ["does_it_hurt.yml"]
    assert same(library, content)
    assert load_library(content).answers["does_it_hurt"].version == 7


def test_comments_outside_what_was_changed_stay(content: Path) -> None:
    path = content / "clinics" / "demo.yml"
    before = path.read_text(encoding="utf-8")
    profile = profile_of(load_library(content).clinics["demo"])
    changed = structs.replace(
        profile,
        hours=Hours(mon=["09:00-17:00"], closed=[]),
        notices=[Notice(datetime(2026, 12, 1).date(), datetime(2026, 12, 2).date(), "We are closed.")],
    )
    library, _ = exported(content, version("clinic", "demo", to_yaml(changed), clinic="demo"))
    after = path.read_text(encoding="utf-8")
    assert same(library, content)
    assert [line for line in before.splitlines() if line.lstrip().startswith("#")] == [
        line for line in after.splitlines() if line.lstrip().startswith("#")
    ]
    assert 'origins: ["http://127.0.0.1:8000", "http://localhost:8000"]' in after


def test_every_answer_survives_the_way_there_and_back(content: Path) -> None:
    shipped = load_library(content)
    versions = [version("answer", topic, to_yaml(answer)) for topic, answer in shipped.answers.items()]
    library, written = exported(content, *versions)
    assert len(written) == len(versions)
    assert same(library, content)


def test_a_file_that_says_so_already_is_left_alone(content: Path) -> None:
    profile = profile_of(load_library(content).clinics["demo"])
    _, written = exported(content, version("clinic", "demo", to_yaml(profile), clinic="demo"))
    assert written == []


def test_a_clinics_own_words_have_no_file_and_are_named(content: Path) -> None:
    answer = load_library(content).answers["does_it_hurt"]
    own = version("answer", "does_it_hurt", to_yaml(answer), clinic="demo")
    library, _ = overlay(load_library(content), [own], number=1)
    done = export(content, library, [own])
    assert (done.written, done.left) == ((), (own,))
