"""Which of the SEC's layouts a path holds, and the files in it: plain, in a folder or in a zip."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from technic.data.formats.parts import DAMAGED
from technic.errors import SchemaError

COMPANY = re.compile(r"(^|/)CIK(\d{10})\.json$", re.IGNORECASE)
MOST_BYTES = 1 << 28  # of one company's facts, unpacked; the largest are a tenth of it


@dataclass(frozen=True, slots=True)
class SecFiles:
    """Files of the SEC in one place.

    Attributes
    ----------
    path : of the file, the folder or the zip
    companies : names of files of company facts, in order
    dataset : names of `sub.txt` and `num.txt`; None if it is no data set
    """

    path: Path
    companies: tuple[str, ...] = ()
    dataset: tuple[str, str] | None = None

    @contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes]]:
        """One of the files, to read from its beginning.

        Raises
        ------
        SchemaError
            If the archive is damaged.
        """
        if self.path.is_dir() or not zipfile.is_zipfile(self.path):
            with (self.path / name if self.path.is_dir() else self.path).open("rb") as file:
                yield file
            return
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(name) as member:
                yield member
        except DAMAGED as error:
            raise _damaged(self.path) from error

    def bodies(self, chosen: frozenset[str]) -> Iterator[tuple[str, bytes | None]]:
        """Name and bytes of the files of company facts that are chosen, one after the other.

        None stands for one that is damaged, or larger than is believed.
        """
        if self.path.is_dir() or not zipfile.is_zipfile(self.path):
            for name in (name for name in self.companies if name in chosen):
                with self.opened(name) as file:
                    yield name, _bounded(file)
            return
        with zipfile.ZipFile(self.path) as archive:
            for name in (name for name in self.companies if name in chosen):
                try:
                    with archive.open(name) as member:
                        body = _bounded(member)
                except DAMAGED:
                    body = None
                yield name, body


def sec_files_of(path: Path) -> SecFiles | None:
    """The SEC's files at a path; None if it holds none.

    A JSON file counts as company facts whatever it is called: nothing else is imported from JSON.

    Raises
    ------
    SchemaError
        If an archive is damaged, or holds only one of the two files of a data set.
    """
    if path.is_dir():
        names = sorted(str(file.relative_to(path)) for file in path.rglob("*") if file.is_file())
    elif path.is_file() and zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                names = sorted(archive.namelist())
        except DAMAGED as error:
            raise _damaged(path) from error
    else:
        return SecFiles(path, (path.name,)) if _is_json(path) else None
    companies = tuple(name for name in names if COMPANY.search(name.replace("\\", "/")))
    if companies:
        return SecFiles(path, companies)
    tables = {name.rsplit("/", 1)[-1].lower(): name for name in names}
    found = [tables.get("sub.txt"), tables.get("num.txt")]
    if all(found):
        return SecFiles(path, dataset=(str(found[0]), str(found[1])))
    if any(found):
        lacking = "num.txt" if found[0] else "sub.txt"
        raise SchemaError(
            f"{path.name}: a data set of the SEC without {lacking}; both sub.txt and num.txt are "
            "needed. Nothing was imported"
        )
    return None


def cik_in(name: str) -> str | None:
    """The company's number, ten digits, that a file's name tells; None if it tells none."""
    found = COMPANY.search(name.replace("\\", "/"))
    return found[2] if found else None


def _is_json(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4_096).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"
    except OSError:
        return False


def _bounded(file: IO[bytes]) -> bytes | None:
    body = file.read(MOST_BYTES + 1)
    return body if len(body) <= MOST_BYTES else None


def _damaged(path: Path) -> SchemaError:
    return SchemaError(
        f"{path.name}: the archive is damaged or cut short; nothing was imported. Fetch it again"
    )
