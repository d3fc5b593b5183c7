"""A long-lived process that answers scans: one line of JSON in, one line out.

    {"id": 1, "scan": {"store": "/stores/default", "file": {"where": "rsi(14) < 30"}, "as_of": null}}
    {"id": 1, "digest": "…", "report": {…}, "ms": 24.1, "rss": 412876800}

It warms up before it says `{"ready": …}` with its version and the digest of its code. An error is
an answer too: `{"id": 1, "error": {"type": "QuestionError", "text": "…"}}`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
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
from technic.runtime.settings import Settings
from technic.runtime.version import __version__
from technic.scanner.report_cache import code_digest
from technic.scanner.scan import scan
from technic.scanner.spec.scan_file import ScanFile

Answer = Callable[[dict[str, Any]], dict[str, Any]]


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
        question = message.get("scan")
        if not isinstance(question, dict):
            raise ConfigError('an engine understands {"id": …, "scan": {…}}')
        report = scan(
            _store(str(question["store"])),
            as_of=date.fromisoformat(question["as_of"]) if question.get("as_of") else None,
            symbols=question.get("symbols"),
            file=ScanFile.of(question.get("file") or {}, "question"),
        )
    except (TechnicError, KeyError, ValueError, TypeError) as error:
        return {"id": number, "error": {"type": type(error).__name__, "text": str(error)}}
    return {
        "id": number,
        "digest": digest_of(report.manifest),
        "report": report.as_dict(),
        "ms": round(1e3 * (perf_counter() - since), 3),
        "rss": resident(),
    }


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
    _say(out, about())
    for line in source or sys.stdin.buffer:
        try:
            message = orjson.loads(line)
        except orjson.JSONDecodeError:
            message = {}
        if not isinstance(message, dict):
            message = {}
        _say(out, respond(message))


def _say(out: IO[bytes], message: dict[str, Any]) -> None:
    try:
        out.write(orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY, default=str) + b"\n")
        out.flush()
    except BrokenPipeError:  # whoever asked is gone; nobody is left to be told of anything
        os._exit(0)
