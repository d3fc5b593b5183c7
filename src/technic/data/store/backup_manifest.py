"""What a backup holds, file by file, and what it leaves out: `backup.json`, written last."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from technic.errors import StoreError, counted, install_hint

FILE = "backup.json"
FORMAT = 1
HOME = "home/"  # begins the names of files that do not lie in the store's folder


@dataclass(frozen=True, slots=True)
class BackupManifest:
    """The table of contents of a backup.

    Attributes
    ----------
    identity : of the store
    version : the newest version in it
    made : when, UTC, as ISO 8601
    catalog : digest of the rows that live only in the catalog: the same in every database
    catalog_file : digest of the file that holds them here
    files : size and digest of every file but the catalog, by name
    left_out : names of secrets, and of settings with a password in them; never their values
    """

    identity: str
    version: int
    made: str
    catalog: str
    catalog_file: str
    files: dict[str, tuple[int, str]]
    left_out: tuple[str, ...] = ()

    def count(self, start: str) -> int:
        """How many files have names that begin so."""
        return sum(name.startswith(start) for name in self.files)

    @property
    def summary(self) -> str:
        """What it holds beside bars, in words."""
        rest = [
            (self.count("models/") // 2, "model", ""),
            (self.count(f"{HOME}scans/"), "saved scan", ""),
            (self.count(f"{HOME}reports/"), "file of kept reports", "files of kept reports"),
        ]
        words = [counted(count, one, several) for count, one, several in rest if count]
        words += ["evidence"] * ("evidence.json" in self.files)
        words += ["settings"] * (f"{HOME}technic.toml" in self.files)
        return ", ".join(["the catalog", *words])

    def content(self) -> bytes:
        """As it is written, with its own seal."""
        about = {"format": FORMAT, **asdict(self)}
        sealed = {**about, "seal": _seal(about)}
        return orjson.dumps(sealed, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)


def manifest_of(content: bytes, where: str) -> BackupManifest:
    """Read the table of contents of a backup.

    Parameters
    ----------
    where : it was found, for an error

    Raises
    ------
    StoreError
        If it is damaged, or a newer technic wrote it.
    """
    try:
        about: dict[str, Any] = orjson.loads(content)
        layout, seal = about.get("format"), about.pop("seal", "")
    except (orjson.JSONDecodeError, AttributeError) as error:
        raise StoreError(_damaged(where)) from error
    if isinstance(layout, int) and layout > FORMAT:
        raise StoreError(
            f"{where}: was made by a newer technic; nothing was changed. Upgrade: {install_hint()}"
        )
    if layout != FORMAT or seal != _seal(about):
        raise StoreError(_damaged(where))
    del about["format"]
    if not all(_stays_below(name) for name in about["files"]):
        raise StoreError(_damaged(where))
    about["files"] = {k: (int(v[0]), str(v[1])) for k, v in about["files"].items()}
    about["left_out"] = tuple(about["left_out"])
    return BackupManifest(**about)


def read_manifest(folder: Path) -> BackupManifest:
    """The table of contents of a backup in a folder.

    Raises
    ------
    StoreError
        If the folder holds no backup, or a damaged one.
    """
    path = folder / FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StoreError(
            f"{folder}: holds no backup that technic backup made. A copy of a store is used as it "
            f"is: --store {folder}"
        ) from error
    return manifest_of(content, str(path))


def _stays_below(name: str) -> bool:
    """Whether a name is that of a file below the folder of a backup."""
    parts = name.split("/")
    return not {"", ".", ".."} & set(parts) and not any(c in name for c in "\\:\0")


def _damaged(where: str) -> str:
    return f"{where}: is damaged, so that nothing in this backup can be believed; use another one"


def _seal(about: dict[str, Any]) -> str:
    text = orjson.dumps(about, option=orjson.OPT_SORT_KEYS)
    return blake2b(text, digest_size=16).hexdigest()
