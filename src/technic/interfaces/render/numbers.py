"""Numbers, prices and small pictures of them, as a person reads them."""

from __future__ import annotations

from typing import Any

BARS = "▏▎▍▌▋▊▉█"
SPARKS = "▁▂▃▄▅▆▇█"


def price(value: float | None) -> str:
    """A price in as few characters as say enough."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 10_000.0 else f"{value:.2f}"  # noqa: PLR2004


def bar(share: float, width: int) -> str:
    """A horizontal bar of `width` characters for a share of 0 to 1.

    Examples
    --------
    >>> bar(0.5, 4), bar(1.0, 2)
    ('██  ', '██')
    """
    eighths = round(max(min(share, 1.0), 0.0) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (BARS[rest - 1] if rest else "")).ljust(width)


def sparkline(values: list[float]) -> str:
    """The last values as a small picture; flat values stand in the middle.

    Examples
    --------
    >>> sparkline([1.0, 2.0, 3.0])
    '▁▅█'
    """
    if not values:
        return ""
    low, high = min(values), max(values)
    if high == low:
        return SPARKS[3] * len(values)
    return "".join(SPARKS[round((v - low) / (high - low) * 7)] for v in values)


def number(value: Any) -> str:
    """A number as a person reads it: millions and billions shortened, unknown as –."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    for size, letter in ((1e9, "B"), (1e6, "M")):
        if abs(value) >= size:
            return f"{value / size:,.1f}{letter}"
    if value == 0.0 or abs(value) >= 1.0:
        return f"{value:,.2f}"
    return f"{value:.4g}"


def ordinal(value: int) -> str:
    """1st, 2nd, 3rd, 4th, …

    Examples
    --------
    >>> [ordinal(n) for n in (1, 2, 3, 11, 22)]
    ['1st', '2nd', '3rd', '11th', '22nd']
    """
    if value % 100 in {11, 12, 13}:
        return f"{value}th"
    return f"{value}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(value % 10, 'th') }".replace(" ", "")
