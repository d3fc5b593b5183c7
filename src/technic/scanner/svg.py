"""Numbers into pictures: SVG and HTML as text, for notebooks and files, without a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
HUES = ("#0f766e", "#b45309", "#6d5bd0", "#be3a73", "#4d7c0f", "#0369a1")
UP, DOWN, SOFT, LINE = "#15803d", "#c2331b", "#6b7671", "#d5dad7"
WIDE, TALL, RIGHT = 920, 420, 62
STYLE = (
    "font:13px/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums;border-collapse:collapse"
)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture that shows itself in a notebook and can be saved as a page.

    Attributes
    ----------
    title : what it shows
    body : HTML that needs nothing else: no script, no file, no network
    """

    title: str
    body: str

    def _repr_html_(self) -> str:
        return self.body

    def __str__(self) -> str:
        """Return the picture as a whole page."""
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(self.title)}</title></head>"
            f'<body style="margin:24px;background:#fff;color:#17201c">{self.body}</body></html>\n'
        )

    def save(self, path: str | Path) -> Path:
        """Write the page to a file and return its path."""
        target = Path(path)
        target.write_text(str(self), encoding="utf-8")
        return target


def spark(values: Sequence[float], width: int = 84, height: int = 18) -> str:
    """Draw the last closes as a line; empty where there are fewer than two.

    Parameters
    ----------
    values : oldest first; NaN is left out
    width, height : pixels

    Examples
    --------
    >>> spark([1.0, 2.0])[:12], spark([])
    ('<svg width="', '')
    """
    closes = [v for v in values if v == v]  # noqa: PLR0124 -- a NaN is not itself
    if len(closes) < 2:
        return ""
    low, reach = min(closes), (max(closes) - min(closes)) or 1.0
    step = (width - 2) / (len(closes) - 1)
    points = " ".join(
        f"{1 + step * k:.1f},{height - 2 - (height - 4) * (v - low) / reach:.1f}"
        for k, v in enumerate(closes)
    )
    colour = UP if closes[-1] >= closes[0] else DOWN
    return (
        f'<svg width="{width}" height="{height}" role="img" aria-label="{len(closes)} closes">'
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.4"/></svg>'
    )


def table_html(
    heading: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]], seal: str
) -> str:
    """Return rows of a report as an HTML table with small pictures.

    Parameters
    ----------
    heading : above the table
    columns : titles of the values
    rows : rank, symbol, name, score, percentile, closes, values of the columns
    seal : the beginning of the seal of the answer
    """
    titles = ["#", "symbol", "name", "score", "", "20 bars", *columns]
    head = "".join(
        f'<th style="text-align:left;padding:2px 10px 2px 0">{escape(t)}</th>' for t in titles
    )
    lines = []
    for rank, symbol, name, score, percentile, closes, values in rows:
        meter = (
            f'<span style="display:inline-block;width:60px;height:7px;background:{LINE}">'
            f'<span style="display:block;height:7px;width:{percentile:.0f}%;background:{HUES[0]}">'
            "</span></span>"
        )
        cells = [
            str(rank),
            f"<b>{escape(symbol)}</b>",
            escape(name or ""),
            f"{score:.1f}",
            meter,
            spark(closes),
            *(escape(_shown(v)) for v in values),
        ]
        lines.append("".join(f'<td style="padding:2px 10px 2px 0">{cell}</td>' for cell in cells))
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return (
        f'<div style="overflow-x:auto"><table style="{STYLE}"><caption style="text-align:left">'
        f"{escape(heading)} · sealed <code>{escape(seal)}</code></caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def contributions_drawing(
    heading: str, rows: Sequence[tuple[int, str, str, float, Mapping[str, float], Sequence[float]]]
) -> Drawing:
    """Draw what each score is made of, as bars.

    Parameters
    ----------
    heading : above the picture
    rows : rank, symbol, name, score, contributions by term, closes
    """
    terms = list(rows[0][4]) if rows else []
    most = max((sum(abs(v) for v in row[4].values()) for row in rows), default=1.0) or 1.0
    marks = []
    for k, (rank, symbol, name, score, parts, _) in enumerate(rows):
        y, x = 20 + 24 * k, 190.0
        marks.append(
            _text(0, y + 12, f"{rank}", SOFT) + _text(28, y + 12, symbol, "#17201c", bold=True)
        )
        marks.append(_text(96, y + 12, name[:14], SOFT))
        for j, (term, value) in enumerate(parts.items()):
            wide = abs(value) / most * (WIDE - 290)
            colour = HUES[j % len(HUES)] if value >= 0 else DOWN
            marks.append(
                f'<rect x="{x:.1f}" y="{y}" width="{wide:.1f}" height="16" fill="{colour}">'
                f"<title>{escape(term)}: {value:+.2f}</title></rect>"
            )
            x += wide
        marks.append(_text(x + 6, y + 12, f"{score:.1f}", "#17201c"))
    legend = "".join(
        f'<span style="color:{HUES[j % len(HUES)]}">■</span> {escape(term)} &nbsp; '
        for j, term in enumerate(terms)
    )
    picture = _svg(heading, WIDE, 30 + 24 * len(rows), "".join(marks))
    return Drawing(
        heading, f'<div style="{STYLE}"><b>{escape(heading)}</b><br>{legend}{picture}</div>'
    )


def candles_drawing(data: Mapping[str, Any]) -> Drawing:
    """Draw candles with volume, indicators and marks for what happened.

    Parameters
    ----------
    data : as `technic.scanner.inspect.chart.chart_data` returns it
    """
    n = len(data["close"])
    mark = "SIMULATED MARKET · " if data["simulated"] else ""
    title = f"{mark}{data['symbol']} {data['name'] or ''} · {data['as_of']}"
    if not n:
        return Drawing(title, f"<p>{escape(title)}: no bars</p>")
    lines = _near_price(data)
    values = [v for row in lines.values() for v in row if v is not None]
    low, high = min([*data["low"], *values]), max([*data["high"], *values])
    reach = (high - low) or 1.0
    step = (WIDE - RIGHT) / n

    def x(k: int) -> float:
        return step * (k + 0.5)

    def y(value: float) -> float:
        return float(10 + (TALL - 100) * (high - value) / reach)

    days = "".join(
        _text(x(k) - 24, TALL - 4, data["session"][k], SOFT)
        for k in range(n // 10, n, max(n // 5, 1))
    )
    marks = (
        _levels(low, high, y),
        _volumes(data, step),
        _bars(data, x, y, step),
        *(_line(row, _hue(j), x, y) for j, row in enumerate(lines.values())),
        _marks(data, x),
        days,
    )
    legend = " · ".join(
        f'<span style="color:{_hue(j)}">{escape(name)}</span>' for j, name in enumerate(lines)
    )
    picture = _svg(title, WIDE, TALL, "".join(marks))
    return Drawing(
        title, f'<div style="{STYLE}"><b>{escape(title)}</b> &nbsp; {legend}<br>{picture}</div>'
    )


def _near_price(data: Mapping[str, Any]) -> dict[str, list[float | None]]:
    """The indicators that end near the price: others would press the candles flat."""
    close = data["close"][-1]
    return {
        name: values
        for name, values in data["indicators"].items()
        if values[-1] is not None and close / 4 < values[-1] < close * 4
    }


def _hue(j: int) -> str:
    return HUES[(j + 1) % len(HUES)]


def _line(values: Sequence[float | None], hue: str, x: Any, y: Any) -> str:
    points = " ".join(f"{x(k):.1f},{y(v):.1f}" for k, v in enumerate(values) if v is not None)
    return f'<polyline points="{points}" fill="none" stroke="{hue}" stroke-width="1.5"/>'


def _levels(low: float, high: float, y: Any) -> str:
    parts = []
    for k in range(6):
        value = low + (high - low) * k / 5
        parts.append(
            f'<line x1="0" x2="{WIDE - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="{LINE}"/>'
        )
        parts.append(_text(WIDE - RIGHT + 8, y(value) + 4, f"{value:,.2f}", SOFT))
    return "".join(parts)


def _bars(data: Mapping[str, Any], x: Any, y: Any, step: float) -> str:
    parts, wide = [], max(step * 0.7, 1.0)
    for k, (o, h, low, c) in enumerate(
        zip(data["open"], data["high"], data["low"], data["close"], strict=True)
    ):
        colour = UP if c >= o else DOWN
        top, tall = y(max(o, c)), max(abs(y(o) - y(c)), 1.0)
        parts.append(
            f'<path d="M{x(k):.1f},{y(h):.1f}V{y(low):.1f}" stroke="{colour}"/>'
            f'<rect x="{x(k) - wide / 2:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{tall:.1f}" '
            f'fill="{colour}"/>'
        )
    return "".join(parts)


def _volumes(data: Mapping[str, Any], step: float) -> str:
    most = max(data["volume"]) or 1.0
    return "".join(
        f'<rect x="{step * (k + 0.15):.1f}" y="{TALL - 20 - 60 * v / most:.1f}" '
        f'width="{max(step * 0.7, 1):.1f}" height="{60 * v / most:.1f}" fill="{LINE}"/>'
        for k, v in enumerate(data["volume"])
    )


def _marks(data: Mapping[str, Any], x: Any) -> str:
    """Splits, dividends and filings, as letters below the bars."""
    place = {day: k for k, day in enumerate(data["session"])}
    letters = {"split": "S", "dividend": "D", "filing": "F"}
    return "".join(
        f"<g>{_text(x(place[e['date']]) - 3, TALL - 84, letters.get(e['kind'], '·'), HUES[5], bold=True)}"
        f"<title>{escape(e['kind'])} {escape(e['date'])}</title></g>"
        for e in data["events"]
        if e["date"] in place
    )


def _svg(label: str, width: int, height: int, marks: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" style="max-width:100%" role="img" '
        f'aria-label="{escape(label, quote=True)}">{marks}</svg>'
    )


def _text(x: float, y: float, text: str, colour: str, *, bold: bool = False) -> str:
    weight = ' font-weight="650"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="11" '
        f'font-family="system-ui,sans-serif"{weight}>{escape(text)}</text>'
    )


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else f"{value:,.4g}"
