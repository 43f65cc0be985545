"""Words out of the log as a page shows them. Whatever they hold, they stay words: everything is escaped first."""

import re

from markupsafe import Markup, escape

_MASK = re.compile(r"\[(?:name|phone|email|address|dob|number)\]")
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_LINK = re.compile(r"\[([^\]\[]+)\]\(((?:https?://|tel:|mailto:|sms:)[^\s()]+)\)")


def masked(text: str) -> Markup:
    """What a patient wrote, with each mask told apart from the words around it."""
    shown = _MASK.sub(lambda mask: f'<span class="mask">{mask[0]}</span>', str(escape(text)))
    return Markup(shown)  # noqa: S704  (escaped before)


def ours(text: str) -> Markup:
    """What we wrote, in its small Markdown (bold, links, lists), as HTML. Links are named and not followed: this is a record."""
    parts: list[str] = []
    items: list[str] = []
    for line in str(escape(text)).split("\n"):
        if line.startswith("- "):
            items.append(f"<li>{_inline(line[2:])}</li>")
            continue
        if items:
            parts.append(f"<ul>{''.join(items)}</ul>")
            items = []
        if line.strip():
            parts.append(f"<p>{_inline(line)}</p>")
    if items:
        parts.append(f"<ul>{''.join(items)}</ul>")
    return Markup("".join(parts))  # noqa: S704  (escaped before)


def _inline(text: str) -> str:
    text = _LINK.sub(lambda link: f'<span title="{link[2]}">{link[1]}</span>', text)
    return _BOLD.sub(r"<b>\1</b>", text)
