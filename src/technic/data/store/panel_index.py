"""The index of a mapped panel: where each run lies, how long it is, and what its bars add up to.

Two files: a table of the securities (.arrow) and, written after it, its seal (.json): the shape
of the data file, the digest of the table, and a digest of all that. Nothing of an index is
believed, and no number of it reaches compiled code, before seal, digest and bounds are right.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl

from technic.data.store.run_sums import SumArray
from technic.market.panel import FIELDS, LANES
from technic.market.typing import FloatArray, IntArray
from technic.runtime.files import sync_to_disk, write_atomically

DATA_NAME = re.compile(r"[0-9A-Za-z-]{1,64}\.f64")
SHAPE = ("data", "n_blocks", "n_fields", "n_rows")
OWN = ("place", "length", "newest")  # columns beside those of the directory; then one per field


@dataclass(frozen=True, slots=True)
class Index:
    """One panel version as it lies on disk.

    Attributes
    ----------
    data : name of the data file, in the folder of the index
    n_blocks, n_fields, n_rows : shape of the data file, whose last axis has `LANES`
    who : one row per security, by security
    places : int64, shape (n_symbols,), block and lane of each run as one number
    lengths : int64, shape (n_symbols,), bars of each run
    newest : float64, shape (n_symbols,), session of each last bar; NaN where there is no bar
    sums : uint64, shape (n_symbols, n_fields), see `run_sums`
    content : a digest of what it shows, wherever that lies; given when it is written
    """

    data: str
    n_blocks: int
    n_fields: int
    n_rows: int
    who: pl.DataFrame
    places: IntArray
    lengths: IntArray
    newest: FloatArray
    sums: SumArray
    content: str = ""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the data file."""
        return self.n_blocks, self.n_fields, self.n_rows, LANES

    @property
    def n_bytes(self) -> int:
        """How much of the data file it shows."""
        return 8 * self.n_blocks * self.n_fields * self.n_rows * LANES

    @property
    def ids(self) -> IntArray:
        """Securities by position: int64, ascending."""
        ids: IntArray = self.who["security_id"].to_numpy()
        return ids

    def is_possible(self, data_bytes: int) -> bool:
        """Whether every number lies where it may, in a data file of that many bytes."""
        n = len(self.who)
        least, room = len(FIELDS) - 1, self.n_blocks * LANES
        if not (least <= self.n_fields <= len(FIELDS) and self.n_rows >= 0 and self.n_blocks >= 0):
            return False
        ids, places, lengths = self.ids, self.places, self.lengths
        taken = np.zeros(room, dtype=bool)
        inside = bool(((places >= 0) & (places < room)).all())
        if inside:
            taken[places] = True
        return (
            inside
            and int(taken.sum()) == n
            and bool((np.diff(ids) > 0).all())
            and bool(((lengths >= 0) & (lengths <= self.n_rows)).all())
            and data_bytes >= self.n_bytes
        )


def write_index(path: Path, index: Index) -> None:
    """Write an index; it is there once its seal is.

    Parameters
    ----------
    path : of the table, ending in .arrow
    """
    columns = [index.places, index.lengths, index.newest, *index.sums.T]
    names = [*OWN, *FIELDS[: index.n_fields]]
    own = [pl.Series(name, column.copy()) for name, column in zip(names, columns, strict=True)]
    content = _arrow_of(index.who.select(pl.all().name.prefix("who.")).with_columns(own))
    scratch = path.with_suffix(".writing")
    scratch.write_bytes(content)
    sync_to_disk(scratch)
    scratch.replace(path)
    about: dict[str, Any] = {name: getattr(index, name) for name in SHAPE}
    about |= {"content": _content_of(index), "table": _digest(content)}
    write_atomically(path.with_suffix(".json"), orjson.dumps({**about, "seal": _seal(about)}))


def is_index(path: Path) -> bool:
    """Whether there is an index at `path`, be it whole or not."""
    return path.with_suffix(".json").exists()


def remove_data(folder: Path, data: str) -> None:
    """Remove a data file, and every index of it.

    Parameters
    ----------
    data : name of the file
    """
    for seal in folder.glob("[0-9]*.json"):
        path = seal.with_suffix(".arrow")
        index = read_index(path)
        if index is not None and index.data == data:
            seal.unlink()
            path.unlink(missing_ok=True)
    (folder / data).unlink(missing_ok=True)


def is_of_older_layout(path: Path) -> bool:
    """Whether an older technic wrote the index at `path`: this one does not read it."""
    try:
        about = orjson.loads(path.with_suffix(".json").read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return False
    return isinstance(about, dict) and set(about) == set(SHAPE)


def read_index(path: Path) -> Index | None:
    """The index at `path`; None if it is not there, or is not what was written."""
    try:
        stamps = [path.with_suffix(kind).stat().st_mtime_ns for kind in (".json", ".arrow")]
        index = _index_at(path, *stamps)
        data_bytes = 0 if index is None else (path.parent / index.data).stat().st_size
    except OSError:
        return None
    return index if index is not None and index.n_bytes <= data_bytes else None


@lru_cache(maxsize=8)
def _index_at(path: Path, *_written: int) -> Index | None:
    """An index once written never changes; it is read once per process."""
    try:
        about = orjson.loads(path.with_suffix(".json").read_bytes())
        content = path.read_bytes()
        seal = about.pop("seal")
        if seal != _seal(about) or about.pop("table") != _digest(content):
            return None
        if not DATA_NAME.fullmatch(about["data"]):
            return None
        index = _index_of(about, pl.read_ipc(io.BytesIO(content)))
        data_bytes = (path.parent / index.data).stat().st_size
    except (OSError, ValueError, KeyError, TypeError, AttributeError, pl.exceptions.PolarsError):
        return None
    return index if index.is_possible(data_bytes) else None


def _index_of(about: dict[str, Any], table: pl.DataFrame) -> Index:
    own = [name for name in table.columns if not name.startswith("who.")]
    who = table.drop(own).rename(lambda name: name.removeprefix("who."))
    return Index(
        **about,
        who=who,
        places=table["place"].to_numpy(),
        lengths=table["length"].to_numpy(),
        newest=table["newest"].to_numpy(),
        sums=np.stack([table[name].to_numpy() for name in own[len(OWN) :]], axis=1),
    )


def _content_of(index: Index) -> str:
    digest = blake2b(_arrow_of(index.who), digest_size=12)
    for part in (index.lengths, index.sums):
        digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()


def _arrow_of(table: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.write_ipc(buffer)
    return buffer.getvalue()


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()


def _seal(about: dict[str, Any]) -> str:
    return _digest(orjson.dumps(about, option=orjson.OPT_SORT_KEYS))
