"""A store version: one small record that names the Delta version of every table.

Delta commits each table by itself; a reader that opened them one by one could see half of an
import. So nobody opens a table but through a record, which is written last and at once.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from technic.errors import StoreError
from technic.store.lock import write_atomically

FORMAT = 1


@dataclass(frozen=True, slots=True)
class StoreVersion:
    """What a reader is pinned to.

    Attributes
    ----------
    number : 1, 2, …; 0 is the empty store
    tables : Delta version of each table that exists
    adjustment : "none" if bars are as traded, "splits" if the vendor adjusted them; "" if none
    simulated : how the market was made; None for a real one
    first, last : the sessions between which there are bars; None in an empty store
    identity : a random name given to the store when it was made
    """

    number: int = 0
    tables: dict[str, int] = field(default_factory=dict)
    adjustment: str = ""
    simulated: dict[str, Any] | None = None
    first: date | None = None
    last: date | None = None
    identity: str = ""

    @property
    def name(self) -> str:
        """A digest that names the data: equal names, equal tables."""
        content = orjson.dumps(
            [self.identity, self.number, self.tables], option=orjson.OPT_SORT_KEYS
        )
        return f"{self.number}-{blake2b(content, digest_size=8).hexdigest()}"

    def following(self, **changes: Any) -> StoreVersion:
        """The next version, with `changes`."""
        return replace(self, number=self.number + 1, **changes)


def write_version(folder: Path, version: StoreVersion) -> None:
    """Make `version` the newest of the store at `folder`."""
    content = {"format": FORMAT, **asdict(version)}
    write_atomically(
        folder / "versions" / f"{version.number:08d}.json",
        orjson.dumps(content, option=orjson.OPT_INDENT_2),
    )


def read_version(folder: Path, number: int | None = None) -> StoreVersion:
    """Version `number`, or the newest; number 0 if nothing was ever stored.

    Raises
    ------
    StoreError
        If there is no such version, or a newer technic wrote it.
    """
    if number is None:
        names = sorted(path.stem for path in (folder / "versions").glob("[0-9]*.json"))
        if not names:
            return StoreVersion()
        number = int(names[-1])
    path = folder / "versions" / f"{number:08d}.json"
    try:
        content = orjson.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise StoreError(f"{folder}: has no version {number}") from error
    except orjson.JSONDecodeError as error:
        raise StoreError(
            f"{path}: is damaged; restore it from a backup, or remove it to return to the "
            "version before"
        ) from error
    if content.pop("format", None) != FORMAT:
        raise StoreError(
            f"{folder}: was written by a newer technic, in a format that this one cannot "
            "read; nothing was changed. Upgrade: pip install --upgrade technic"
        )
    for bound in ("first", "last"):
        content[bound] = date.fromisoformat(content[bound]) if content[bound] else None
    return StoreVersion(**content)
