"""Answers of a vendor, kept: shortened and without keys, so that others can be shown a difference."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import orjson

from technic.data.providers.http import SECRETS
from technic.operations.conformance.table import Known, Reply
from technic.operations.conformance.verdicts import Examination
from technic.runtime.files import write_atomically

ROWS_KEPT, TEXT_KEPT = 5, 2_000  # of each answer
IN_QUERY = re.compile(rf"(?i)([?&](?:{'|'.join(sorted(SECRETS))})=)[^&\"\\\s]*")
HEADERS = ("content-type", "retry-after", "date", "x-request-id")


def keep(examined: Examination, known: Known, folder: Path, secrets: Iterable[str]) -> None:
    """Write the answers down, shortened and without keys; `examined` is told where.

    Parameters
    ----------
    folder : made if it is not there
    secrets : texts that must not be in the file

    Raises
    ------
    OSError
        If it cannot be written.
    """
    lines = [_redacted(_line(reply), secrets) for reply in known.replies.values()]
    verdicts = {"differences": [asdict(d) for d in examined.differences]}
    lines.append(_redacted(orjson.dumps(verdicts).decode(), secrets))
    path = folder / f"{examined.vendor}-{datetime.now(UTC):%Y%m%dT%H%M%S}.jsonl"
    write_atomically(path, ("\n".join(lines) + "\n").encode())
    examined.kept = path


def _line(reply: Reply) -> str:
    """A reply as a line of JSON: the head of it, whole if it is short."""
    content = reply.content
    if isinstance(content, dict):
        content = {
            name: value[:ROWS_KEPT] if isinstance(value, list) else value
            for name, value in content.items()
        }
        content |= {
            f"{name} in all": len(value)
            for name, value in reply.content.items()
            if isinstance(value, list) and len(value) > ROWS_KEPT
        }
    elif content is None:
        content = reply.body[:TEXT_KEPT].decode("utf-8", "replace")
    return orjson.dumps(
        {
            "question": reply.question,
            "path": reply.path,
            "params": {k: v for k, v in reply.params.items() if k.lower() not in SECRETS},
            "status": reply.status,
            "headers": {k: reply.headers[k] for k in HEADERS if k in reply.headers},
            "answer": content,
        }
    ).decode()


def _redacted(text: str, secrets: Iterable[str]) -> str:
    """A text without secrets, and without the values of parameters that hold keys."""
    for secret in secrets:
        if len(secret) > 3:
            text = text.replace(secret, "•••")
    return IN_QUERY.sub(r"\1•••", text)
