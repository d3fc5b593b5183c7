"""Store versions: small records, each of which names the Delta version of every table.

Delta commits each table by itself; a reader that opened them one by one could see half of an
import. So nobody opens a table but through a record, which is written last and at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import Any

import orjson

from technic.errors import StoreError, install_hint
from technic.runtime.files import write_atomically

FORMAT = 5  # 1: no digests of files; 2: no dates of sectors; 3: no merged files; 4: no `gone`
FORMATS = (1, 2, 3, 4, 5)
LONGEST_SHOWN = 200  # characters of a folder's name in a message
DROPPED = "dropped.json"  # beside the records: versions that can no longer be read
SIMULATED_NOTE = "this market is simulated: its figures say nothing about a real one"


@dataclass(frozen=True, slots=True)
class StoreVersion:
    """One state of a store, to which a reader is pinned.

    Attributes
    ----------
    number : 1, 2, …; 0 is the empty store
    tables : Delta version of each table that exists
    adjustment : "none" if bars are as traded, "splits" if the vendor adjusted them; "" if none
    simulated : how the market was made; None for a real one
    first, last : the sessions between which there are bars, the newest that is one of the market
        (see `span`); None in an empty store
    identity : a random name given to the store when it was made
    settled : the sessions until which bars are final; None if that was never told
    added : size and digest of every file that this version added, by its path in the store
    previous : digest of the record before; versions form a chain
    merged : whether it says nothing new, and only holds rows in fewer files
    gone : the highest number of a security that turned out to be another one; no other is given it
    seal : digest of the record itself, which names every file that it added; "" before it is
        written
    """

    number: int = 0
    tables: dict[str, int] = field(default_factory=dict)
    adjustment: str = ""
    simulated: dict[str, Any] | None = None
    first: date | None = None
    last: date | None = None
    identity: str = ""
    settled: date | None = None
    added: dict[str, tuple[int, str]] = field(default_factory=dict)
    previous: str = ""
    merged: bool = False
    gone: int = 0
    seal: str = field(default="", compare=False)

    @property
    def is_simulated(self) -> bool:
        """Whether the market is made up."""
        return self.simulated is not None

    @property
    def name(self) -> str:
        """A digest that names the data: equal names, equal tables."""
        content = orjson.dumps(
            [self.identity, self.number, self.tables], option=orjson.OPT_SORT_KEYS
        )
        return f"{self.number}-{blake2b(content, digest_size=8).hexdigest()}"

    @property
    def content(self) -> str:
        """Names what the record says, digests of all files included: equal names, equal bytes."""
        return f"{self.identity}/{self.name}/{self.seal}"

    def successor(self, **changes: Any) -> StoreVersion:
        """The next version, with `changes`; it adds no files unless they say so."""
        fresh: dict[str, Any] = {"added": {}, "seal": "", "merged": False}
        return replace(self, **{"number": self.number + 1, **fresh, **changes})


def record_path(folder: Path, number: int) -> Path:
    """Where the record of a version stands."""
    return folder / "versions" / f"{number:08d}.json"


def write_version(folder: Path, version: StoreVersion) -> StoreVersion:
    """Make a version the newest of a store, at once and on the disk; returns it with its seal.

    Parameters
    ----------
    folder : of the store
    """
    content = {"format": FORMAT, **asdict(version)}
    del content["seal"]
    sealed = {**content, "seal": _seal(content)}
    text = orjson.dumps(sealed, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    write_atomically(record_path(folder, version.number), text)
    return replace(version, seal=sealed["seal"])


def digest_of(path: Path) -> str:
    """The digest of a file; empty if there is none."""
    try:
        with path.open("rb") as handle:
            return file_digest(handle, lambda: blake2b(digest_size=16)).hexdigest()
    except FileNotFoundError:
        return ""


def _seal(content: dict[str, Any]) -> str:
    text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    return blake2b(text, digest_size=16).hexdigest()


def read_version(folder: Path, number: int | None = None, *, dropped: bool = False) -> StoreVersion:
    """Read a version's record.

    Parameters
    ----------
    folder : of the store
    number : of the version; the newest by default, and 0 if nothing was ever stored
    dropped : whether the record of a version that was dropped is read too

    Raises
    ------
    StoreError
        If there is no such version, it is damaged, or a newer technic wrote it.
    """
    if number is None:
        names = _recorded(folder)
        if not names:
            return StoreVersion()
        number = int(names[-1])
    elif not dropped and number in (gone := dropped_versions(folder)):
        raise StoreError(
            f"{folder}: version {number} was dropped on {gone[number]:%Y-%m-%d}: it was older than "
            "the setting retention, and no kept report, run, model or rollout named it"
        )
    path = record_path(folder, number)
    try:
        content = orjson.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise StoreError(f"{folder}: has no version {number}") from error
    except (OSError, orjson.JSONDecodeError) as error:
        raise StoreError(damage_message(path)) from error
    if not isinstance(content, dict):
        raise StoreError(damage_message(path))
    layout, seal = content.get("format"), content.pop("seal", None)
    if layout not in FORMATS:  # never guess at a format of the future
        raise StoreError(
            f"{folder}: was written by a newer technic, in a format that this one cannot "
            f"read; nothing was changed. Upgrade: {install_hint()}"
        )
    right = _seal(content)
    # Format 1 had no seals; who finds one in it reads a record of which the format was changed.
    if (layout > 1 or seal is not None) and seal != right:
        raise StoreError(damage_message(path))
    return _version_of(path, number, {**content, "seal": right})


def _recorded(folder: Path) -> list[str]:
    """The names of all records, oldest first; none where nothing was ever stored."""
    try:
        return sorted(path.stem for path in (folder / "versions").glob("[0-9]*.json"))
    except OSError as error:  # a name that is too long, a loop of links, a disk that fails
        raise StoreError(f"{shown_folder(folder)}: cannot be read: {error.strerror}") from error


def shown_folder(folder: Path) -> str:
    """A folder as a message shows it: a name may be longer than any system opens."""
    name = str(folder)
    return name if len(name) <= LONGEST_SHOWN else f"{name[:LONGEST_SHOWN]}…"


def dropped_versions(folder: Path) -> dict[int, datetime]:
    """When versions were dropped that can no longer be read, by number.

    Raises
    ------
    StoreError
        If the list is damaged.
    """
    path = folder / "versions" / DROPPED
    try:
        content = orjson.loads(path.read_bytes())
        seal = content.pop("seal")
        at = {int(k): datetime.fromisoformat(v) for k, v in content["dropped"].items()}
    except FileNotFoundError:
        return {}
    except (
        OSError,
        orjson.JSONDecodeError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
    ) as error:
        raise StoreError(damage_message(path)) from error
    if seal != _seal(content):
        raise StoreError(damage_message(path))
    return at


def drop_versions(folder: Path, numbers: Iterable[int], at: datetime) -> None:
    """Let versions be refused from now on; their records stay, as links of the chain.

    Parameters
    ----------
    folder : of the store
    numbers : of the versions
    at : now
    """
    there = dropped_versions(folder)
    merged = {**dict.fromkeys(numbers, at), **there}
    content: dict[str, Any] = {
        "dropped": {str(number): when.isoformat() for number, when in sorted(merged.items())}
    }
    text = orjson.dumps({**content, "seal": _seal(content)}, option=orjson.OPT_INDENT_2)
    write_atomically(folder / "versions" / DROPPED, text)


def _version_of(path: Path, number: int, content: dict[str, Any]) -> StoreVersion:
    """The version that a record holds; another one's record in its place is damage."""
    del content["format"]
    try:
        for bound in ("first", "last", "settled"):
            content[bound] = date.fromisoformat(content[bound]) if content.get(bound) else None
        content["added"] = {k: (int(v[0]), str(v[1])) for k, v in content.get("added", {}).items()}
        version = StoreVersion(**content)
    except (TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
        raise StoreError(damage_message(path)) from error
    if version.number != number:
        raise StoreError(damage_message(path))
    return version


def damage_message(path: Path) -> str:
    """What to tell of a record that is not what was written."""
    is_newest = path == max(path.parent.glob("[0-9]*.json"), default=path)
    or_else = (
        "or remove it to return to the version before"
        if is_newest
        else "without it nothing that this version brought can be checked"
    )
    return f"{path}: is damaged; restore it from a backup, {or_else}"
