"""A long-lived process that answers scans: one line of JSON in, one line out.

    {"id": 1, "scan": {"store": "/stores/default", "file": {"where": "rsi(14) < 30"}, "as_of": null}}
    {"id": 1, "digest": "…", "report": {…}, "ms": 24.1, "rss": 412876800}

It warms up before it says `{"ready": …}` with its version and the digest of its code. An error is
an answer too: `{"id": 1, "error": {"type": "QuestionError", "text": "…"}}`.
"""

from __future__ import annotations

import os
import sys
from datetime import date
from functools import lru_cache
from time import perf_counter
from typing import IO, Any

import orjson

from technic.compute.kernel import ensure_compiled
from technic.data.ingest import FileStore, open_store
from technic.errors import ConfigError, TechnicError
from technic.indicators.kernel.codegen import digest as kernel_digest
from technic.indicators.kernel.loader import load
from technic.market.instants import day_of
from technic.operations.rollout.lines import UNDERSTOOD, Answer, answer_lines, failure
from technic.runtime.section import Section, shown
from technic.runtime.settings import Settings
from technic.runtime.version import __version__
from technic.scanner.report import Report
from technic.scanner.report_cache import code_digest
from technic.scanner.scan import scan
from technic.scanner.spec.scan_file import ScanFile


def about() -> dict[str, Any]:
    """Which code this process runs: what it says when it is ready."""
    return {"ready": True, "version": __version__, "code": code_digest(), "kernel": kernel_digest()}


def warm() -> None:
    """Load everything that any scan needs."""
    settings = Settings.load()
    ensure_compiled(settings.kernels)
    load(settings.kernels)


def answer(message: dict[str, Any]) -> dict[str, Any]:
    """Answer one line; an error is an answer too.

    Parameters
    ----------
    message : `{"id": …, "scan": {"store": …, "file": …, "as_of": …}}`
    """
    number = message.get("id")
    since = perf_counter()
    try:
        report = _report(message.get("scan"))
    except TechnicError as error:
        return failure(number, error)
    return {
        "id": number,
        "digest": digest_of(report.manifest),
        "report": report.as_dict(),
        "ms": round(1e3 * (perf_counter() - since), 3),
        "rss": resident(),
    }


def _report(content: Any) -> Report:
    """The answer to what stands under `scan`."""
    if not isinstance(content, dict):
        raise ConfigError(UNDERSTOOD)
    section = Section.of(content, "scan: ", ("store", "file", "as_of", "symbols"))
    if not (store := section.text("store")):
        raise ConfigError("scan: store is missing: the folder of a store")
    file = content.get("file")
    return scan(
        _store(store),
        as_of=_session(content.get("as_of")),
        symbols=_symbols(content.get("symbols")),
        file=ScanFile.of({} if file is None else file, "question"),
    )


def _session(value: Any) -> date | None:
    """The session that is named; None for the newest, which nothing but null stands for."""
    if value is None:
        return None
    try:
        return day_of(value)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"scan: as_of: {shown(value)} is no date: write it as 2026-11-20, or null"
        ) from error


def _symbols(value: Any) -> list[str] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(symbol, str) for symbol in value):
        raise ConfigError(f"scan: symbols is a list of texts, or null; got {shown(value)}")
    return value


def digest_of(manifest: dict[str, Any]) -> str:
    """What two engines must agree on: the question and the answer, not which code gave it."""
    return f"{manifest['question_digest']}.{manifest['answer_digest']}"


@lru_cache(maxsize=8)
def _store(place: str) -> FileStore:
    return open_store(place)


def resident() -> int:
    """Bytes of memory that this process shares with nobody."""
    import psutil  # measured, not needed

    info = psutil.Process().memory_info()
    return int(info.rss) - int(getattr(info, "shared", 0))


def serve(
    output: IO[bytes] | None = None, source: IO[bytes] | None = None, respond: Answer = answer
) -> None:
    """Answer lines until there are no more.

    Parameters
    ----------
    output, source : where lines are written and read; the process's own by default
    respond : what answers a message
    """
    out = output or os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    if output is None:  # what anybody prints is none of our lines
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    warm()
    try:
        out.write(orjson.dumps(about()) + b"\n")
        out.flush()
        answer_lines(source or sys.stdin.buffer, out, respond)
    except BrokenPipeError:  # whoever asked is gone; nobody is left to be told of anything
        os._exit(0)
