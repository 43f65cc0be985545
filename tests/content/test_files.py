"""A file that is not what we expect is told by file and line."""

from pathlib import Path

import pytest

from needlewise.content.files import read_yaml
from needlewise.content.library import load_library
from needlewise.content.model import Phrase, Source, Text
from needlewise.errors import ContentError
from needlewise.text.yaml_text import doubled_keys, line_at


def _file(folder: Path, text: str) -> Path:
    path = folder / "some.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read_into_its_shape(tmp_path: Path) -> None:
    path = _file(tmp_path, "web: Hello\nsms: Hi\n")
    assert read_yaml(path, Text) == Text(web="Hello", sms="Hi")


@pytest.mark.parametrize(
    ("text", "shape", "line", "message"),
    [
        ("web: [\n", Text, 2, "not valid YAML: "),
        ("web: hello\nsms: 3\n", Text, 2, "Expected `str | null`, got `int`"),
        ("sms: hello\n", Text, 1, "Object missing required field `web`"),
        ("web: hello\nSMS: hi\n", Text, 2, "Object contains unknown field `SMS`"),
        ("- web: one\n- web: 2\n", list[Text], 2, "Expected `str`, got `int`"),
        (
            "some.key: {en: Yes please}\nother.key:\n  en: 3\n",
            dict[str, Phrase],
            3,
            "Expected `str | object`",
        ),
        ("some.key: {en: hello}\nyes: {en: hello}\n", dict[str, Phrase], 1, "Expected `str`, got `bool`"),
        (
            "a:\n  title: A\n  publisher: B\n  address: null\n",
            dict[str, Source],
            1,
            "Object missing required field `year`",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, text: str, shape: type, line: int, message: str
) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(ContentError) as raised:
        read_yaml(path, shape)
    assert str(raised.value).startswith(f"{path}:{line}: {message}")


def test_a_file_that_is_not_there_is_an_error_of_content(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match=r"none\.yml:1: cannot be read"):
        read_yaml(tmp_path / "none.yml", Text)


def test_a_file_that_is_not_utf8_is_an_error_of_content(tmp_path: Path) -> None:
    path = tmp_path / "some.yml"
    path.write_bytes(b"web: caf\xe9\n")
    with pytest.raises(ContentError, match=r"some\.yml:1: cannot be read"):
        read_yaml(path, Text)


TEXT = """\
en:
  web: one
  clinic:
    price:
      unset: {web: two}
a.b:
  items:
    - x
    - y
"""


@pytest.mark.parametrize(
    ("steps", "line"),
    [
        ((), 1),
        (("en",), 1),
        (("en", "clinic", "price", "unset"), 5),
        (("en", "clinic", "cost"), 3),
        (("a.b", "items", 1), 9),
        (("a.b", "items", 7), 7),
        (("nowhere", "at", "all"), 1),
    ],
)
def test_a_place_has_a_line_or_its_nearest_parents(steps: tuple[str | int, ...], line: int) -> None:
    assert line_at(TEXT, *steps) == line


def test_keys_that_stand_twice_are_found_at_any_depth() -> None:
    text = "a: 1\nb:\n  - {c: 1, c: 2}\na: 2\n"
    assert sorted(doubled_keys(text)) == [(3, "c"), (4, "a")]


def test_a_phrase_in_two_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "phrases").mkdir()
    for name in ("one", "two"):
        (tmp_path / "phrases" / f"{name}.yml").write_text("some.key: {en: Hello}\n", encoding="utf-8")
    with pytest.raises(ContentError, match=r"two\.yml:1: the phrase some\.key is in two files"):
        load_library(tmp_path)


def test_a_clinic_that_does_not_exist_is_told_with_those_that_do(root: Path) -> None:
    library = load_library(root / "content")
    with pytest.raises(
        ContentError, match="no clinic 'nowhere': content/clinics has accesshealth, demo, forever-fit"
    ):
        library.clinic("nowhere")
