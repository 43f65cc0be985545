"""Charts as SVG, made on the server: they need no script and no style of their own, print, and fit a phone.

Nothing is scaled: places along are percentages and heights are pixels, so that words keep their size at any width. Colours are classes of
console.css, for light, dark and paper. A chart carries its numbers as a table as well, made of the same rows; templates/chart.html shows both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

_PLOT, _TOP, _FOOT = 150, 18, 24
"""Pixels: the height of the columns, and the room above and below for words."""
_ROW, _BAR = 40, 12
_GAP = 0.22
"""How much of its place a column leaves free."""
_DATES = 6
"""Words below the columns, at most: they must not meet on a phone."""


@dataclass(frozen=True)
class Chart:
    """A picture of some rows, and the rows."""

    id: str
    title: str
    summary: str
    """What somebody sees in it at a glance, in a sentence."""
    definition: str
    head: Sequence[str]
    rows: Sequence[tuple[str, Sequence[int | str]]]
    """What each is called, and its cells; a picture shows the numbers among them that it was made of."""
    svg: Markup
    series: Sequence[str] = ()
    """What the colours mean, in order, where there are several."""

    @property
    def is_empty(self) -> bool:
        return not any(cell for _, cells in self.rows for cell in cells if isinstance(cell, int))


def columns(
    id: str,
    title: str,
    *,
    summary: str,
    definition: str,
    first: str,
    series: Sequence[str],
    rows: Sequence[tuple[str, Sequence[int]]],
) -> Chart:
    """Columns side by side, such as days; where there are several series, they stand one on the other. `first` heads the rows' names."""
    most = max([sum(values) for _, values in rows], default=0)
    top = _round_up(most)
    height = _TOP + _PLOT + _FOOT
    parts = [_open(id, title, summary, height)]
    for share in (0.0, 0.5, 1.0):
        y = _TOP + _PLOT * (1 - share)
        parts.append(f'<line class="grid" x1="0" x2="100%" y1="{y:g}" y2="{y:g}"/>')
        if top and (value := top * share) == int(value) and share:
            parts.append(f'<text class="scale" x="0" y="{y - 4:g}">{int(value):,}</text>')
    width = 100 / max(1, len(rows))
    step = -(-len(rows) // _DATES)
    for at, (name, values) in enumerate(rows):
        x, y = at * width + width * _GAP / 2, float(_TOP + _PLOT)
        told = ", ".join(f"{words}: {value:,}" for words, value in zip(series, values, strict=True))
        parts.append(f"<g><title>{escape(name)}: {escape(told)}</title>")
        for number, value in enumerate(values):
            tall = _PLOT * value / top if top else 0
            y -= tall
            if value:
                parts.append(
                    f'<rect class="s{number + 1}" x="{x:.3f}%" width="{width * (1 - _GAP):.3f}%" y="{y:.2f}" height="{tall:.2f}"/>'
                )
        parts.append("</g>")
        if at % step == 0 and (at == 0 or (len(rows) - at) * width >= 100 / _DATES / 2):
            anchor, place = ("start", 0.0) if at == 0 else ("middle", at * width + width / 2)
            parts.append(
                f'<text x="{place:.3f}%" y="{height - 6}" text-anchor="{anchor}">{escape(name)}</text>'
            )
    parts.append("</svg>")
    shown = [(name, list(values)) for name, values in rows]
    head = (first, *series)
    return Chart(
        id, title, summary, definition, head, shown, _markup(parts), series if len(series) > 1 else ()
    )


def bars(
    id: str,
    title: str,
    *,
    summary: str,
    definition: str,
    head: Sequence[str],
    rows: Sequence[tuple[str, Sequence[int | str]]],
    bad: bool = False,
) -> Chart:
    """Bars one below the other, as long as the first cell of each row; the other cells stand in the table only. `bad` is for what is not good."""
    numbers = [int(cells[0]) for _, cells in rows]
    top = max(numbers, default=0)
    parts = [_open(id, title, summary, _ROW * len(rows))]
    for at, ((name, _), number) in enumerate(zip(rows, numbers, strict=True)):
        y = at * _ROW
        long = 100 * number / top if top else 0
        parts.append(f'<text x="0" y="{y + 15}">{escape(name)}</text>')
        parts.append(f'<text class="value" x="100%" y="{y + 15}" text-anchor="end">{number:,}</text>')
        parts.append(f'<rect class="track" x="0" width="100%" y="{y + 21}" height="{_BAR}" rx="3"/>')
        if number:
            colour = "bad" if bad else "s1"
            parts.append(
                f'<rect class="{colour}" x="0" width="{long:.3f}%" y="{y + 21}" height="{_BAR}" rx="3"/>'
            )
    parts.append("</svg>")
    return Chart(
        id, title, summary, definition, head, [(name, list(cells)) for name, cells in rows], _markup(parts)
    )


def _open(id: str, title: str, summary: str, height: int) -> str:
    return (
        f'<svg class="chart" width="100%" height="{height}" role="img" aria-labelledby="{id}-name" aria-describedby="{id}-said">'
        f'<title id="{id}-name">{escape(title)}</title><desc id="{id}-said">{escape(summary)}</desc>'
    )


def _markup(parts: Sequence[str]) -> Markup:
    return Markup("".join(parts))  # noqa: S704  (every word in it was escaped)


def _round_up(most: int) -> int:
    """A round number at or above: 7 is 8, 23 is 30, 130 is 200, so that half of it is one that people read."""
    if most <= 4:
        return most + most % 2
    size = 10 ** (len(str(most)) - 1)
    steps = (1, 2, 4, 6, 8, 10) if size == 1 else (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10)
    return int(next(size * step for step in steps if size * step >= most))
