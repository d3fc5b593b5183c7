"""Faults of rows that look healthy otherwise; those of a day that is not over are in `live_faults`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import orjson

Row = dict[str, Any]


def _on_some(
    change: Callable[[Row, np.random.Generator], None], share: float = 0.02
) -> Callable[[list[Row], np.random.Generator], list[Row]]:
    """A fault in some rows, at least one."""

    def apply(rows: list[Row], rng: np.random.Generator) -> list[Row]:
        count = max(1, round(share * len(rows)))
        for i in rng.choice(len(rows), count, replace=False).tolist():
            rows[i] = dict(rows[i])
            change(rows[i], rng)
        return rows

    return apply


def _set(*names: str, value: Any) -> Callable[[Row, np.random.Generator], None]:
    def change(row: Row, _rng: np.random.Generator) -> None:
        for name in names:
            if name in row:
                row[name] = value

    return change


def _scale(factor: float, *names: str) -> Callable[[Row, np.random.Generator], None]:
    def change(row: Row, _rng: np.random.Generator) -> None:
        for name in names:
            if isinstance(row.get(name), int | float):
                row[name] = row[name] * factor

    return change


def _texts(row: Row, _rng: np.random.Generator) -> None:
    for name in ("o", "h", "l", "c", "v"):
        if name in row:
            row[name] = str(row[name])


def _corrupt_ticker(row: Row, rng: np.random.Generator) -> None:
    for name in ("T", "ticker"):
        if name in row:
            bad = (
                "\x00HTLB",
                "<img src=x onerror=alert(1)>",
                "=cmd|' /C calc'!A0",
                "../../x",
                "\u202eAAPL",
            )
            row[name] = bad[int(rng.integers(len(bad)))]


def _other_day(row: Row, _rng: np.random.Generator) -> None:
    if "t" in row and isinstance(row["t"], int):
        row["t"] -= 366 * 86_400_000


def _double_rows(rows: list[Row], rng: np.random.Generator) -> list[Row]:
    """The same rows twice, as vendors do."""
    return rows + [rows[i] for i in rng.choice(len(rows), max(1, len(rows) // 50)).tolist()]


def _add_conflict(rows: list[Row], rng: np.random.Generator) -> list[Row]:
    """Two rows for one bar that do not agree."""
    i = int(rng.integers(len(rows)))
    other = dict(rows[i])
    for name in ("c", "split_to", "cash_amount"):
        if isinstance(other.get(name), int | float):
            other[name] *= 1.5
    if "h" in other:
        other["h"] = max(other["h"], other["c"])
    return [*rows, other]


def _drop_rows(share: float) -> Callable[[list[Row], np.random.Generator], list[Row]]:
    def apply(rows: list[Row], rng: np.random.Generator) -> list[Row]:
        keep = rng.random(len(rows)) >= share
        keep[int(rng.integers(len(rows)))] = False
        return [row for row, stays in zip(rows, keep.tolist(), strict=True) if stays]

    return apply


def _invert_split(row: Row, _rng: np.random.Generator) -> None:
    if "split_from" in row:
        row["split_from"], row["split_to"] = row["split_to"], row["split_from"]


ROWS: dict[str, Callable[[list[Row], np.random.Generator], list[Row]]] = {
    "nan_values": _on_some(_set("c", "v", value="__NaN__")),
    "infinite_values": _on_some(_set("h", "v", value="__1e999__")),
    "huge_ints": _on_some(_set("v", value=2**60 + 1)),
    "string_numbers": _on_some(_texts),
    "null_values": _on_some(_set("o", "split_to", "cash_amount", value=None)),
    "negative_price": _on_some(_scale(-1.0, "l", "o")),
    "zero_price": _on_some(_set("o", "h", "l", "c", value=0)),
    "outside_range": _on_some(_scale(3.0, "c")),
    "dup_rows": _double_rows,
    "dup_keys": _on_some(lambda row, _rng: row.update({"__dup__": 1.0})),
    "conflict_rows": _add_conflict,
    "wrong_day_rows": _on_some(_other_day),
    "corrupt_ticker": _on_some(_corrupt_ticker),
    "drop_rows": _drop_rows(0.01),
    "drop_half": _drop_rows(0.5),
    "double_volume": _on_some(_scale(2.0, "v"), 1.0),
    "price_100x": _on_some(_scale(100.0, "o", "h", "l", "c", "vw"), 0.005),
    "split_inverted": _on_some(_invert_split, 0.2),
}
# One answer for one symbol cannot show these; whole-market days show `drop_half`, and asking
# again shows them all.
UNDETECTABLE = ("drop_rows", "drop_half", "price_100x")


NOT_JSON = ("NaN", "1e999", "-Infinity")


def encode(content: Any) -> bytes:
    """JSON, with `NOT_JSON` numbers written as vendors do that should not."""
    body = orjson.dumps(content)
    for token in NOT_JSON:
        body = body.replace(f'"__{token}__"'.encode(), token.encode())
    return body.replace(b'"__dup__":', b'"c":')
