"""Whole reports, kept by what they depend on: data, code, question and lists; nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from technic.query.names import ALPHA
from technic.runtime.cache import TieredCache, key_of
from technic.scanner.ledger import Ledger
from technic.scanner.plan import Plan
from technic.scanner.report import Report, Row
from technic.scanner.spec.backtest_rules import BacktestRules
from technic.scanner.spec.question import Question, resolve_question
from technic.scanner.spec.scan_file import ScanFile

# Folders whose lines cannot change an answer: where bars come from, what shows and keeps them.
WITHOUT_EFFECT = (
    "data/ingest",
    "data/providers",
    "data/simulated",
    "interfaces",
    "operations",
    "runtime/cache",
)


@dataclass(frozen=True, slots=True)
class CanonicalQuestion:
    """What of a parsed question decides whether, and under which key, its report is kept.

    Attributes
    ----------
    content : the question in canonical form, and what was noticed about it
    changeable : whether it reads what its user may change at any time: watch-lists, code
    forecast : whether it reads the forecast of a model
    """

    content: dict[str, Any]
    changeable: bool
    forecast: bool

    @classmethod
    def of(cls, question: Question) -> CanonicalQuestion:
        """The canonical form of a parsed question."""
        content = {**question.as_dict(), "warnings": list(question.warnings)}
        changeable = bool(question.lists or question.plugins)
        return cls(content, changeable, not question.names.isdisjoint(ALPHA))


def canonical_question(
    asked: ScanFile, symbols: Sequence[str] | None, cache: TieredCache
) -> CanonicalQuestion:
    """The canonical form of a scan file's question, parsed at most once per text and code.

    What decides is always the parsed question. The cache only saves a new process from parsing
    the same text again: its key is the text and the digest of the code that parsed it.
    """
    texts = asdict(replace(asked, alert=None, backtest=BacktestRules()))
    key = key_of("question", code_digest(), _json({**texts, "given": symbols}))
    held = cache.get(key)
    if held is not None:
        try:
            return CanonicalQuestion(**orjson.loads(held))
        except (orjson.JSONDecodeError, TypeError):
            pass
    canonical = CanonicalQuestion.of(resolve_question(asked, symbols))
    cache.put(key, _json(asdict(canonical)))
    return canonical


def report_key(canonical: CanonicalQuestion, view: str, model: str = "") -> str:
    """The key of a question's report on a view of a store.

    Every spelling of a question has the same key. A model's name is part of it where the
    question reads its forecast.
    """
    return key_of("report", code_digest(), view, model, _json(canonical.content))


def _json(content: Any) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


@cache
def code_digest() -> str:
    """A digest of every line that can change an answer."""
    root = Path(__file__).parents[1]
    without = tuple(f"{folder}/" for folder in WITHOUT_EFFECT)
    made = blake2b(digest_size=12)
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root).as_posix()
        if path.suffix in {".py", ".lark", ".csv", ".toml"} and not inside.startswith(without):
            made.update(inside.encode())
            made.update(path.read_bytes())
    return made.hexdigest()


def pack(report: Report) -> bytes:
    """A report as JSON: numbers survive bit for bit."""
    book = report.ledger_book
    texts = list(dict.fromkeys(book.detail))
    code = {text: j for j, text in enumerate(texts)}
    content = {
        "as_of": report.as_of,
        "asked": report.asked,
        "rows": [asdict(row) for row in report.shown],
        "n_ranked": report.n_ranked,
        "buckets": book.bucket.tolist(),
        "texts": texts,
        "details": [code[text] for text in book.detail],
        "symbols": report.symbols,
        "ranked": report.ranked,
        "security_ids": report.security_ids,
        "manifest": report.manifest,
        "simulated": report.simulated,
        "notes": report.notes,
    }
    return orjson.dumps(content)


def unpack(content: bytes, timings: dict[str, float]) -> Report | None:
    """The report that `pack` made; None if it is not one."""
    try:
        held = orjson.loads(content)
        texts = held["texts"]
        return Report(
            as_of=date.fromisoformat(held["as_of"]),
            asked=held["asked"],
            shown=tuple(_row(row) for row in held["rows"]),
            n_ranked=held["n_ranked"],
            ledger_book=Ledger(
                np.array(held["buckets"], dtype=np.int64), [texts[j] for j in held["details"]]
            ),
            symbols=tuple(held["symbols"]),
            manifest=held["manifest"],
            simulated=held["simulated"],
            timings=timings,
            ranked=tuple(held["ranked"]),
            security_ids=tuple(held["security_ids"]),
            notes=tuple(held["notes"]),
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, IndexError):
        return None


def _row(held: dict[str, Any]) -> Row:
    plan = {field.name: held["plan"][field.name] for field in fields(Plan)}
    return Row(**{**held, "plan": Plan(**plan)})
