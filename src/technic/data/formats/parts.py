"""What a path holds: one file, the files of a folder, or those of an archive.

Nothing is unpacked to the disk, every part is bounded, and what is no table of ours is refused
in one line that says what it is. Bytes of a file never reach a message.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Self, TypeVar

from technic.data.formats.foreign import page_in_words
from technic.data.formats.packed import PACKED, unpacked
from technic.errors import ForeignError, SchemaError, counted

MOST_BYTES = 8 << 30  # of one part, unpacked
MOST_PARTS = 50_000  # of a folder or an archive
HEAD = 16_384  # bytes that tell what a file is
# First bytes of what people try, and what to do about it; None for what is read.
SIGNS: tuple[tuple[bytes, str, str | None], ...] = (
    (b"PAR1", "parquet", None),
    (b"PK\x03\x04", "zip", None),
    (b"PK\x05\x06", "zip", None),
    (b"\x1f\x8b", "gzip", None),
    *((b"DBN" + bytes([version]), "dbn", None) for version in range(1, 10)),
    (b"\x28\xb5\x2f\xfd", "zstd", None),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook", "save the sheet as CSV"),
    (b"%PDF", "a PDF", "save the table as CSV"),
    (b"SQLite format 3", "an SQLite database", "export the table as CSV"),
    (b"ARROW1", "an Arrow file", "write it as Parquet"),
    (b"\x89HDF", "an HDF5 file", "write the table as Parquet"),
    (b"\x93NUMPY", "a NumPy array", "write it as Parquet, with column names"),
    (b"Rar!", "a RAR archive", "unpack it"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it"),
    (b"BZh", "a bzip2 file", "unpack it"),
    (b"\xfd7zXZ", "an xz file", "unpack it"),
)
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)  # what reading a packed file may end in
T = TypeVar("T")
SKIPPED = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True, slots=True)
class FilePart:
    """One file, wherever it lies.

    Attributes
    ----------
    name : as a user would say it; inside an archive, the archive's name first
    stem : of its own name, without folders and endings: often the symbol
    kind : "text", "json", "parquet" or "dbn"
    path : where it lies as a plain file; None inside an archive
    refusal : why it is not read, if it is one of several and is nothing that is read here
    """

    name: str
    stem: str
    kind: str
    path: Path | None
    _open: Callable[[], IO[bytes]]
    refusal: SchemaError | None = None

    def stream(self) -> IO[bytes]:
        """The part's bytes, unpacked, to read from the beginning.

        Raises
        ------
        SchemaError
            While it is read: if the archive is damaged, or the part larger than `MOST_BYTES`.
        """
        return _Bounded(self._open, self.name)  # type: ignore[return-value]

    def read(self) -> bytes:
        """All of it.

        Raises
        ------
        SchemaError
            If the archive is damaged, or the part larger than `MOST_BYTES`.
        """
        if self.path is not None:
            return self.path.read_bytes()
        with self.stream() as stream:
            return stream.read()


class _Bounded:
    """A stream that ends in one line when it is damaged, or larger than is believed."""

    def __init__(self, opened: Callable[[], IO[bytes]], name: str) -> None:
        self._name, self._left = name, MOST_BYTES
        self._stream = self._taken(opened)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; all that is left by default."""
        if size >= 0:
            return self._counted(self._taken(lambda: self._stream.read(size)))
        pieces = []
        while piece := self.read(1 << 24):
            pieces.append(piece)
        return b"".join(pieces)

    def readline(self, size: int = 1 << 24) -> bytes:
        """The bytes until the next end of a line, at most `size`."""
        return self._counted(self._taken(lambda: self._stream.readline(size)))

    def readable(self) -> bool:
        """It is; asked by text wrappers."""
        return True

    def close(self) -> None:
        """Close what lies under it."""
        self._stream.close()

    def _taken(self, take: Callable[[], T]) -> T:
        try:
            return take()
        except DAMAGED as error:
            raise SchemaError(
                f"{self._name}: the archive is damaged or cut short; nothing was imported. "
                "Fetch it again"
            ) from error

    def _counted(self, piece: bytes) -> bytes:
        self._left -= len(piece)
        if self._left < 0:
            raise SchemaError(
                f"{self._name}: unpacks to more than {MOST_BYTES >> 30} GiB; nothing was imported"
            )
        return piece


def parts_of(path: Path) -> list[FilePart]:
    """What a path holds, in order of names.

    Parameters
    ----------
    path : a file, a folder (with its folders), or a zip; files may be packed by gzip or zstd

    Raises
    ------
    SchemaError
        If nothing is there, or it is something else: a workbook, a database, a picture.
    """
    if not path.exists():
        raise SchemaError(f"{path}: there is no such file or folder")
    if not path.is_dir():
        return _parts_of_file(path, path.name)
    files = sorted(p for p in path.rglob("*") if p.is_file() and not _is_hidden(p, path))
    if not files:
        raise SchemaError(f"{path}: the folder is empty; nothing was imported")
    if len(files) > MOST_PARTS:
        raise SchemaError(
            f"{path}: {counted(len(files), 'file')}, and at most {MOST_PARTS:,} are read at once"
        )
    found = []
    for file in files:
        name = str(file.relative_to(path))
        try:
            found += _parts_of_file(file, name)
        except SchemaError as error:
            found.append(_refused(name, error))
    return found


def _refused(name: str, why: SchemaError) -> FilePart:
    """A file among others that cannot be read: the others can."""
    return FilePart(name, stem_of(name), "refused", None, BytesIO, why)


def _is_hidden(path: Path, folder: Path) -> bool:
    names = path.relative_to(folder).parts
    return any(name.startswith(".") or name in SKIPPED for name in names)


def _parts_of_file(path: Path, name: str) -> list[FilePart]:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise SchemaError(f"{name}: cannot be read ({error.strerror})") from error
    kind = kind_of(head, name)
    if kind == "zip":
        return _members(path, name)
    if kind in PACKED:
        return [_packed(kind, lambda: path.open("rb"), name, stem_of(name))]
    return [FilePart(name, stem_of(name), kind, path, lambda: path.open("rb"))]


def _members(path: Path, name: str) -> list[FilePart]:
    """The files of an archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [
                info
                for info in archive.infolist()
                if not info.is_dir() and not any(s in info.filename for s in SKIPPED)
            ]
    except DAMAGED as error:
        raise SchemaError(f"{name}: the archive is damaged or cut short. Fetch it again") from error
    names = {info.filename for info in infos}
    if "[Content_Types].xml" in names:
        raise SchemaError(f"{name}: an Excel workbook; save the sheet as CSV and import that")
    if any(info.flag_bits & 1 for info in infos):
        raise SchemaError(f"{name}: the archive has a password; unpack it and import the files")
    if not infos:
        raise SchemaError(f"{name}: the archive is empty; nothing was imported")
    if len(infos) > MOST_PARTS:
        raise SchemaError(
            f"{name}: {counted(len(infos), 'file')}, and at most {MOST_PARTS:,} are read"
        )
    infos.sort(key=lambda info: info.filename)
    return [_member(path, name, info) for info in infos]


def _member(path: Path, name: str, info: zipfile.ZipInfo) -> FilePart:
    def opened() -> IO[bytes]:
        return zipfile.ZipFile(path).open(info)

    whole = f"{name}: {info.filename}"
    try:
        kind = kind_of(_head_of(opened, whole), whole)
        if kind in PACKED:
            return _packed(kind, opened, whole, stem_of(info.filename))
        _refuse_archive(kind, whole)
    except SchemaError as error:
        return _refused(whole, error)
    return FilePart(whole, stem_of(info.filename), kind, None, opened)


def _packed(kind: str, packed: Callable[[], IO[bytes]], name: str, stem: str) -> FilePart:
    """The file that is packed in another, which is not packed again."""
    opened = unpacked(kind, packed, name)
    inner = kind_of(_head_of(opened, name), name)
    _refuse_archive(inner, name)
    return FilePart(name, stem, inner, None, opened)


def _head_of(opened: Callable[[], IO[bytes]], name: str) -> bytes:
    with _Bounded(opened, name) as stream:
        return stream.read(HEAD)


def _refuse_archive(kind: str, name: str) -> None:
    if kind == "zip" or kind in PACKED:
        raise SchemaError(f"{name}: an archive inside an archive; unpack it and import the files")


def kind_of(head: bytes, name: str) -> str:
    """What a file is, by its first bytes: "text", "json", "parquet", "zip", "gzip", "dbn" or "zstd".

    Raises
    ------
    SchemaError
        If it is empty, or nothing that holds a table here.
    """
    if not head.strip():
        raise ForeignError(f"{name}: the file is empty; nothing was imported")
    for sign, kind, remedy in SIGNS:
        if head.startswith(sign):
            if remedy is None:
                return kind
            raise ForeignError(f"{name}: {kind}; {remedy} and import that")
    if page := page_in_words(head):
        raise ForeignError(f"{name}: {page}")
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ForeignError(
            f"{name}: binary, and nothing that is read here; Parquet, CSV and zips of them are"
        )
    return "json" if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") else "text"


def stem_of(name: str) -> str:
    """A file's own name without its endings.

    Examples
    --------
    >>> stem_of("daily/ACME.csv.gz"), stem_of("acme.us.txt"), stem_of("BRK.B.csv")
    ('ACME', 'acme.us', 'BRK.B')
    """
    plain = name.replace("\\", "/").rsplit("/", 1)[-1]
    for ending in (".gz", ".zst", ".csv", ".tsv", ".txt", ".parquet", ".pq", ".json", ".dbn"):
        if plain.lower().endswith(ending):
            plain = plain[: -len(ending)]
    return plain


def text_of(data: bytes) -> bytes:
    """Bytes of text in UTF-8: as they are, or from UTF-16 or Windows' own, without a mark."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16", errors="replace").encode()
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        if not data.isascii():
            data.decode()
    except UnicodeDecodeError:
        data = data.decode("cp1252", errors="replace").encode()
    return data
