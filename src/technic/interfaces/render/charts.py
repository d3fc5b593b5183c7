"""Small pictures for pages: bars, lines, points, as SVG without a script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

PLOT_STYLE = """
.plot { display: inline-block; margin: 6px 26px 18px 0; vertical-align: top }
.plot h3 { font-size: 13px; margin: 0 0 4px; font-weight: 600 }
svg text { fill: var(--soft); font-size: 10px } .axis { stroke: var(--line) }
.yes { color: var(--fill); font-weight: 650 }
"""


COLOURS = ("var(--fill)", "var(--down)", "var(--soft)")


def lines(title: str, names: Sequence[str], series: Mapping[str, Sequence[float]]) -> str:
    """A line for each series, over the same names."""
    scale, step = Scale([0.0, *(v for values in series.values() for v in values)]), 64
    marks = []
    for j, (label, values) in enumerate(series.items()):
        colour = COLOURS[j % len(COLOURS)]
        points = " ".join(f"{66 + step * k},{scale(v):.1f}" for k, v in enumerate(values))
        marks.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        x, y = 70 + step * (len(values) - 1), scale(values[-1])
        marks.append(f'<text x="{x}" y="{y:.1f}">{escape(label)} {values[-1]:,.0f}</text>')
    marks += [
        f'<text x="{66 + step * k}" y="118" text-anchor="middle">{escape(name)}</text>'
        for k, name in enumerate(names)
    ]
    return plot(title, scale, "".join(marks), 180 + step * len(names))


def curves(
    title: str, days: Sequence[str], series: Mapping[str, Iterable[float]], height: int = 220
) -> str:
    """Long series over sessions, as lines; what is not a number is left out."""
    numbers = [float(v) for values in series.values() for v in values if v == v]  # noqa: PLR0124 -- a NaN is not itself
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    reach, wide, n = (high - low) or 1.0, 860, max(len(days) - 1, 1)
    marks = []
    for j, (label, values) in enumerate(series.items()):
        points = [
            (62 + wide * k / n, 8 + height * (1.0 - (float(v) - low) / reach))
            for k, v in enumerate(values)
            if v == v  # noqa: PLR0124
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        marks.append(
            f'<polyline points="{path}" fill="none" stroke="{COLOURS[j % len(COLOURS)]}" '
            'stroke-width="1.4"/>'
        )
        if label and points:
            x, y = points[-1]
            marks.append(f'<text x="{x + 5:.1f}" y="{y + 3:.1f}">{escape(label)}</text>')
    form = ",.0f" if max(abs(low), abs(high)) >= 100.0 else ".3g"  # noqa: PLR2004
    ends = (
        f'<text x="0" y="14">{high:{form}}</text><text x="0" y="{height + 8}">{low:{form}}</text>'
    )
    dates = (
        f'<text x="62" y="{height + 24}">{escape(days[0])}</text>'
        f'<text x="{62 + wide}" y="{height + 24}" text-anchor="end">{escape(days[-1])}</text>'
        if days
        else ""
    )
    return (
        f'<div class="plot"><h3>{escape(title)}</h3>'
        f'<svg viewBox="0 0 1000 {height + 30}" width="1000" style="max-width:100%" role="img" '
        f'aria-label="{escape(title, quote=True)}">{"".join(marks)}{ends}{dates}</svg></div>'
    )


def bars(
    title: str, values: Mapping[str, float | None], *, tilt: bool = False, step: int = 46
) -> str:
    """One bar for each name, from zero; `step` pixels apart, which bounds the names."""
    scale = Scale([v for v in values.values() if v is not None] + [0.0])
    zero, marks, letters = scale(0.0), [], step // 7
    for k, (name, value) in enumerate(values.items()):
        x = 58 + step * k
        if value is not None:
            y = scale(value)
            colour = "var(--fill)" if value >= 0 else "var(--down)"
            marks.append(
                f'<rect x="{x}" y="{min(y, zero):.1f}" width="30" height="{abs(y - zero):.1f}" '
                f'fill="{colour}"><title>{escape(name)}: {value:+.4f}</title></rect>'
            )
        label = name if not tilt else "".join(word[0] for word in name.split()) or name
        shown = label if len(label) <= letters else f"{label[:letters]}…"
        marks.append(
            f'<text x="{x + 15}" y="118" text-anchor="middle">{escape(shown)}'
            f"<title>{escape(name)}</title></text>"
        )
    return plot(title, scale, "".join(marks), 68 + step * len(values))


class Scale:
    """Values to heights between 10 and 100."""

    def __init__(self, values: list[float]) -> None:
        self.low, self.high = min(values), max(values)

    def __call__(self, value: float) -> float:
        """The height of a value, from above."""
        reach = (self.high - self.low) or 1.0
        return 100.0 - 90.0 * (value - self.low) / reach


def plot(title: str, scale: Scale, marks: str, width: int) -> str:
    """A titled picture of marks, with the ends of its scale and a line at zero."""
    zero = scale(0.0)
    axis = f'<line class="axis" x1="30" x2="{width}" y1="{zero:.1f}" y2="{zero:.1f}"/>'
    ends = f'<text x="0" y="14">{scale.high:+.3g}</text><text x="0" y="103">{scale.low:+.3g}</text>'
    return (
        f'<div class="plot"><h3>{escape(title)}</h3>'
        f'<svg width="{width}" height="124" role="img" aria-label="{escape(title, quote=True)}">'
        f"{axis}{ends}{marks}</svg></div>"
    )
