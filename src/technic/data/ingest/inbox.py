"""Answers that were paid for and not yet stored: a folder that survives being stopped.

An answer is written here, whole and on the disk, before anything else is asked; it is removed
once a commit holds it. So a sync that was stopped at any moment repeats no call.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from pathlib import Path

import orjson

from technic.data.providers.source import Ask, Reading, Source
from technic.runtime.files import write_atomically

MAGIC = b"technic-inbox-1\n"


@dataclass(frozen=True, slots=True)
class Answered:
    """An ask, its pages, and when they were received.

    Attributes
    ----------
    provider : name of the vendor
    at : when the last page was received
    path : of its file in the inbox; None if it was not put there yet
    reading : what the pages say; None if nobody has read them yet
    """

    provider: str
    ask: Ask
    at: datetime
    pages: list[bytes]
    path: Path | None = None
    reading: Reading | None = None

    def read(self, sources: Mapping[str, Source]) -> Reading:
        """What the pages say; read once if that was done already."""
        return self.reading or sources[self.provider].read(self.ask, self.pages)


class Inbox:
    """The folder of answers that no commit holds yet.

    Parameters
    ----------
    folder : made at the first `put`
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, answered: Answered) -> Answered:
        """Write an answer to the disk; returns it with its `path`."""
        head = orjson.dumps(
            {
                "provider": answered.provider,
                "ask": answered.ask.as_dict(),
                "at": answered.at.isoformat(),
                "sizes": [len(page) for page in answered.pages],
            }
        )
        body = gzip.compress(head + b"\n" + b"".join(answered.pages), 1, mtime=0)
        seal = blake2b(body, digest_size=16).hexdigest().encode()
        name = f"{answered.at:%Y%m%dT%H%M%S%f}-{blake2b(head, digest_size=6).hexdigest()}.answer"
        path = self._folder / name
        write_atomically(path, MAGIC + seal + b"\n" + body)
        return replace(answered, path=path)

    def waiting(self) -> Iterator[Answered]:
        """The answers that are there, oldest first.

        A file that is not whole is removed: its question will be asked again.
        """
        for path in sorted(self._folder.glob("*.answer")):
            answered = _read(path)
            if answered is None:
                path.unlink(missing_ok=True)
            else:
                yield answered
        for scratch in self._folder.glob(".*.answer.*"):
            scratch.unlink(missing_ok=True)

    def done(self, answers: list[Answered]) -> None:
        """Remove answers that a commit holds."""
        for answered in answers:
            if answered.path is not None:
                answered.path.unlink(missing_ok=True)


def _read(path: Path) -> Answered | None:
    """The answer in a file; None if it is not whole."""
    content = path.read_bytes()
    start = len(MAGIC) + 33
    if not content.startswith(MAGIC) or len(content) < start:
        return None
    body = content[start:]
    if blake2b(body, digest_size=16).hexdigest().encode() != content[len(MAGIC) : start - 1]:
        return None
    head, _, rest = gzip.decompress(body).partition(b"\n")
    about = orjson.loads(head)
    pages, at = [], 0
    for size in about["sizes"]:
        pages.append(rest[at : at + size])
        at += size
    return Answered(
        about["provider"], Ask.of(about["ask"]), datetime.fromisoformat(about["at"]), pages, path
    )
