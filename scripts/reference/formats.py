"""docs/reference/file-formats.md: columns of files, keys of scan and training files, tables."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import timedelta
from typing import Any

from reference import format_texts as texts
from reference.markdown import code, codes, complete, fill, table
from technic.data.formats import dialects, filings, listing_layouts
from technic.market import schema
from technic.market.items import FLOW, ITEMS
from technic.market.quality import REASONS
from technic.research.learning import train_file
from technic.research.learning.folds import Spans
from technic.scanner.plan import STOPS, PlanRules
from technic.scanner.spec.alert_rules import KNOWN, AlertRules
from technic.scanner.spec.backtest_rules import BacktestRules
from technic.scanner.spec.scan_file import ScanFile

HERE = "scripts/reference/format_texts.py"
UNITS = {"money": "USD", "price": "USD per share", "count": "shares"}
# What a scan file calls differently from the value it becomes.
RENAMED = {"lets": "let", "first": "from", "last": "to"}
NOT_KEYS = {"missing", "symbols"}  # of a ScanFile: said inside [rank], or on the command line
ADDED = {"description"}  # said in the file, and part of no question


def file_formats() -> str:
    """The page."""
    scan = {RENAMED.get(f.name, f.name): f for f in fields(ScanFile) if f.name not in NOT_KEYS}
    complete({*scan, *ADDED}, texts.SCAN, "key of a scan file", HERE)
    return fill(
        "file-formats.md",
        bars=_columns(
            (*dialects.REQUIRED, *dialects.OPTIONAL), dialects.REQUIRED, dialects.NAMES, texts.BARS
        ),
        layouts=_layouts(),
        listings=_columns(
            listing_layouts.LISTING_COLUMNS, ("symbol",), listing_layouts.NAMES, texts.LISTINGS
        ),
        directories=_directories(),
        filings=_columns(
            (*filings.REQUIRED, *filings.OPTIONAL), filings.REQUIRED, filings.ALIASES,
            texts.FILINGS,
        ),
        items=_items(),
        reasons=table(("reason", "meaning"), [(code(k), v) for k, v in REASONS.items()]),
        scan=_keys(texts.SCAN, {k: _default(f) for k, f in scan.items()} | {"name": "the file's name"}),
        plan=_dataclass(PlanRules, texts.PLAN, {"stop": f"`{STOPS['long']}`"}),
        alert=_dataclass(AlertRules, texts.ALERT, {}, KNOWN),
        backtest=_dataclass(BacktestRules, texts.BACKTEST, {}),
        training=train_file.default_text().strip(),
        train=_training(),
        spans=_dataclass(Spans, texts.SPANS, {}),
        trees=_named(train_file.TREES, texts.TREES),
        ridge=_named(("strength",), texts.RIDGE),
        tables="\n\n".join(_stored(name, kind) for name, kind in schema.TABLES.items()),
    )  # fmt: skip


def _columns(
    names: tuple[str, ...],
    required: tuple[str, ...],
    aliases: Mapping[str, str],
    about: Mapping[str, str],
) -> str:
    complete(names, about, "column", HERE)
    others = {name: [k for k, v in aliases.items() if v == name] for name in names}
    rows = [
        (code(name), "yes" if name in required else "", about[name], codes(others[name], ""))
        for name in names
    ]
    return table(("column", "required", "meaning and unit", "also called"), rows)


def _directories() -> str:
    """Whose layouts of listings are known, and by which columns."""
    rows = [(layout.name, codes(sorted(layout.marks), "")) for layout in listing_layouts.LAYOUTS]
    return table(("layout", "known by its columns"), rows)


def _layouts() -> str:
    """Whose layouts are known, and by which columns."""
    said = {
        "none": "as traded",
        "splits": "adjusted for splits",
        "": "as traded, unless you say so",
    }
    rows = [
        (d.name, codes(sorted(d.marks)), said[d.adjusted], codes(sorted(d.left_out), ""))
        for d in dialects.DIALECTS
    ]
    for special, marks in (
        (dialects.WIDE, "two or three lines of header: fields and tickers"),
        (dialects.LEAN, "no header: a day with `00:00` behind it, and five whole numbers"),
    ):
        rows.append((special.name, marks, said[special.adjusted], ""))
    return table(("layout", "known by", "prices", "left out"), rows)


def _items() -> str:
    aliases: dict[str, list[str]] = {}
    for other, name in filings.ALIASES.items():
        aliases.setdefault(name, []).append(other)
    rows = [
        (code(item.name), UNITS[item.unit], "over the period" if item.kind == FLOW else "at its end",
         item.text, codes(aliases.get(item.name, ()), ""))
        for item in ITEMS.values()
    ]  # fmt: skip
    return table(("column", "unit", "measured", "meaning", "also called"), rows)


def _dataclass(
    kind: Any, about: Mapping[str, str], shown: Mapping[str, str], known: Any = ()
) -> str:
    """The keys of a section, with the defaults of the value it becomes."""
    defaults = {RENAMED.get(f.name, f.name): _default(f) for f in fields(kind)} | dict(shown)
    complete(known or defaults, about, f"key of {kind.__name__}", HERE)
    return _keys(about, defaults)


def _keys(about: Mapping[str, str], defaults: Mapping[str, str]) -> str:
    rows = [(code(name), defaults.get(name, ""), text) for name, text in about.items()]
    return table(("key", "default", "meaning"), rows)


def _named(names: Any, about: Mapping[str, str]) -> str:
    complete(names, about, "parameter", HERE)
    return table(("key", "meaning"), [(code(name), text) for name, text in about.items()])


def _training() -> str:
    keys = re.findall(r"^(\w+) = ", train_file.default_text().split("\n[")[0], re.MULTILINE)
    return _named(keys, texts.TRAIN)


def _default(one: Any) -> str:
    """A default as a file would say it; empty where there is none to show."""
    value = one.default if one.default is not MISSING else None
    if one.default is MISSING and one.default_factory is not MISSING:
        value = one.default_factory()
    if isinstance(value, timedelta):
        return code(f'"{value.total_seconds():g}s"')
    if value is None or value == "" or (isinstance(value, tuple | dict) and not value):
        return ""
    if isinstance(value, PlanRules | BacktestRules):
        return "as below"
    if isinstance(value, tuple):
        return code("[" + ", ".join(f'"{part}"' for part in value) + "]")
    return code(f'"{value}"' if isinstance(value, str) else f"{value:g}")


def _type(dtype: Any) -> str:
    return "instant, UTC" if dtype == schema.INSTANT else str(dtype)


def _stored(name: str, columns: Mapping[str, Any]) -> str:
    """One table, with the comments of the schema's own source."""
    complete(schema.TABLES, texts.TABLES, "table", HERE)
    source = inspect.getsource(schema).split(f"\n{name.upper()}: Schema = ")[1].split("\n}")[0]
    notes = dict(re.findall(r'"(\w+)": [^#\n]*(?:#\s*(.*))?', source))
    notes = {k: v for k, v in notes.items() if v and "_TYPES" not in v and "ITEMS" not in v}
    own = {column: notes.get(column) or texts.STORED.get(column, "") for column in columns}
    complete(columns, [column for column, text in own.items() if text], "column", HERE)
    rows = [(code(column), _type(dtype), own[column]) for column, dtype in columns.items()]
    return f"### {name}\n\n{texts.TABLES[name]}\n\n" + table(("column", "type", "meaning"), rows)
