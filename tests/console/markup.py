"""What a browser would make of a page: the tags and attributes through which somebody's words could act."""

from html.parser import HTMLParser


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.acting: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if (tag == "script" and "src" not in values) or tag in ("img", "iframe", "object", "embed", "style"):
            self.acting.append(tag)
        self.acting += [name for name in values if name.startswith("on") or name == "style"]
        self.acting += [
            f"{name}={value}"
            for name, value in values.items()
            if name in ("href", "src", "action") and value and not value.startswith(("/staff", "#", "/"))
        ]


def acting(page: str) -> list[str]:
    """Scripts in the text, pictures, handlers, and addresses elsewhere. None is ours."""
    tags = _Tags()
    tags.feed(page)
    return tags.acting
