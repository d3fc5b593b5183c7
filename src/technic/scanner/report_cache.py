"""Whole reports in a cache, under keys made of all that decides them: data, code and question.

1. `canonical_question` gives the parsed question in its one spelling, and says whether its report
   may be kept at all: not if it reads lists or code that the user may change.
2. `report_key` makes the key of it, of the view and of `code_digest`.
3. `pack` and `unpack` turn a report into JSON and back, number for number.

What parses is imported where it parses: a report that is kept is unpacked without it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from technic.errors import ConfigError
from technic.runtime.cache import TieredCache, key_of
from technic.scanner.ledger import Ledger
from technic.scanner.plan import Plan
from technic.scanner.report import Report, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from technic.scanner.spec.question import Question
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
DECIDING = (".py", ".lark", ".csv", ".toml")


@dataclass(frozen=True, slots=True)
class CanonicalQuestion:
    """What decides whether a question's report may be kept, and under which key.

    Attributes
    ----------
    content : the question in canonical form, with the warnings about it
    changeable : whether it reads what its user may change at any time: watch-lists, code
    forecast : whether it reads the forecast of a model, and the key has to name the model
    """

    content: dict[str, Any]
    changeable: bool
    forecast: bool

    @classmethod
    def of(cls, question: Question) -> CanonicalQuestion:
        """Return the canonical form of a parsed question."""
        from technic.query.names import ALPHA

        content = {**question.as_dict(), "warnings": list(question.warnings)}
        changeable = bool(question.lists or question.plugins)
        return cls(content, changeable, not question.names.isdisjoint(ALPHA))


def canonical_question(
    file: ScanFile, symbols: Sequence[str] | None, cache: TieredCache
) -> CanonicalQuestion:
    """Return the canonical form of a scan file's question, parsed at most once per text and code.

    What decides is always the parsed question. The cache only saves a new process from parsing
    the same text again: its key is the text and the digest of the code that parsed it.

    Parameters
    ----------
    file : the scan file; its sections on alerts and backtests change no report
    symbols : only these; those of the file if None
    cache : where canonical forms are kept

    Raises
    ------
    QuestionError
        If a text cannot be understood.
    """
    from technic.scanner.spec.backtest_rules import BacktestRules
    from technic.scanner.spec.question import resolve_question

    texts = asdict(replace(file, alert=None, backtest=BacktestRules()))
    key = key_of("question", code_digest(), _json({**texts, "given": symbols}))
    content = cache.get(key)
    if content is not None:
        try:
            return CanonicalQuestion(**orjson.loads(content))
        except (orjson.JSONDecodeError, TypeError):
            pass  # what is kept there is damaged: parse again
    canonical = CanonicalQuestion.of(resolve_question(file, symbols))
    cache.put(key, _json(asdict(canonical)))
    return canonical


def report_key(canonical: CanonicalQuestion, view: str, model: str = "") -> str:
    """Return the key of a question's report; every spelling of a question has the same one.

    Parameters
    ----------
    canonical : the question
    view : names the store version, the session and what was known
    model : digest of the model whose forecast the question reads; empty for none
    """
    return key_of("report", code_digest(), view, model, _json(canonical.content))


def _json(content: Any) -> bytes:
    try:
        return orjson.dumps(content, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError as error:
        raise ConfigError(
            "the question holds a text that is no Unicode, or a whole number above 64 bits"
        ) from error


@cache
def code_digest() -> str:
    """Return a digest of every line of code that can change an answer."""
    root, digest = Path(__file__).parents[1], blake2b(digest_size=12)
    for inside in sorted(_deciding_files(str(root), "")):
        digest.update(inside.encode())
        digest.update((root / inside).read_bytes())
    return digest.hexdigest()


def _deciding_files(folder: str, inside: str) -> Iterator[str]:
    """The files that can change an answer, by their paths; `Path.rglob` would take twice as long."""
    with os.scandir(folder) as entries:
        for entry in entries:
            name = f"{inside}{entry.name}"
            if entry.name.endswith(DECIDING):
                yield name
            elif entry.is_dir() and name not in WITHOUT_EFFECT:
                yield from _deciding_files(entry.path, f"{name}/")


def pack(report: Report) -> bytes:
    """Return a report as JSON in which numbers survive bit for bit."""
    book = report.ledger_book
    texts = list(dict.fromkeys(book.detail))
    code = {text: j for j, text in enumerate(texts)}
    content = {
        "as_of": report.as_of,
        "asked": report.asked,
        "rows": [asdict(row) for row in report.shown],
        "n_ranked": report.n_ranked,
        "buckets": book.bucket,
        "texts": texts,
        "details": [code[text] for text in book.detail],
        "symbols": report.symbols,
        "ranked": report.ranked,
        "security_ids": report.security_ids,
        "manifest": report.manifest,
        "simulated": report.simulated,
        "notes": report.notes,
        "history": report.history,
    }
    return orjson.dumps(content)


def unpack(content: bytes, timings: dict[str, float]) -> Report | None:
    """Return the report that `pack` made; None if the content is none.

    Parameters
    ----------
    content : out of a cache
    timings : milliseconds by stage of finding it
    """
    try:
        values = orjson.loads(content)
        texts = values["texts"]
        return Report(
            as_of=date.fromisoformat(values["as_of"]),
            asked=values["asked"],
            shown=tuple(_row(row) for row in values["rows"]),
            n_ranked=values["n_ranked"],
            ledger_book=Ledger(values["buckets"], [texts[j] for j in values["details"]]),
            symbols=tuple(values["symbols"]),
            manifest=values["manifest"],
            simulated=values["simulated"],
            history=values["history"],
            timings=timings,
            ranked=tuple(values["ranked"]),
            security_ids=tuple(values["security_ids"]),
            notes=tuple(values["notes"]),
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, IndexError):
        return None


def _row(values: dict[str, Any]) -> Row:
    plan = {field.name: values["plan"][field.name] for field in fields(Plan)}
    return Row(**{**values, "plan": Plan(**plan)})
