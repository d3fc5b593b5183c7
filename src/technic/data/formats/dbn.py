"""Databento's binary files as the text they stand for: one layout, one meaning.

Its library writes the CSV that Databento itself would have sent; the dialect reads that.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

from technic.data.formats.packed import extra_library
from technic.data.formats.parts import MOST_BYTES, FilePart
from technic.errors import SchemaError

PIECE = 1 << 20  # bytes of records turned into text at once
DAYS = "ohlcv-1d"


def as_text(part: FilePart) -> FilePart:
    """The same bars as CSV, with the symbols that the file maps its instruments to.

    Raises
    ------
    SchemaError
        If it holds no bars of a day, names no symbols, is damaged or cut short, or the extra
        `databento` is not installed.
    """
    library = extra_library("databento_dbn", part.name)
    try:
        text = _text(library, part)
    except library.DBNError as error:
        raise SchemaError(
            f"{part.name}: the DBN file is damaged, or newer than the library installed "
            f"({str(error).splitlines()[0][:120]}); nothing was imported"
        ) from error
    return replace(part, kind="text", path=None, _open=lambda: io.BytesIO(text))


def _text(library: Any, part: FilePart) -> bytes:
    written = io.BytesIO()
    target = library.Transcoder(
        written, library.Encoding.CSV, library.Compression.NONE, map_symbols=True
    )
    with part.stream() as stream:
        head = stream.read(PIECE)
        _refuse_other(library, head, part.name)
        while head:
            target.write(head)
            if written.tell() > MOST_BYTES:
                raise SchemaError(f"{part.name}: is more than {MOST_BYTES >> 30} GiB as text")
            head = stream.read(PIECE)
    target.flush()
    if len(target.buffer()):
        raise SchemaError(f"{part.name}: the DBN file is cut short; nothing was imported")
    return written.getvalue()


def _refuse_other(library: Any, head: bytes, name: str) -> None:
    """Refuse what the beginning of a file says is no table of days."""
    decoder = library.DBNDecoder()
    decoder.write(head)
    told = next(iter(decoder.decode()), None)
    if not isinstance(told, library.Metadata):
        raise SchemaError(f"{name}: the DBN file is cut short; nothing was imported")
    if str(told.schema) != DAYS:
        holds = told.schema or "several kinds of records"
        raise SchemaError(f"{name}: DBN of {holds}; bars of a day are read ({DAYS})")
    if not told.mappings:
        raise SchemaError(
            f"{name}: names no symbols: ask Databento for it by symbols (stype_in raw_symbol). "
            "Nothing was imported"
        )
