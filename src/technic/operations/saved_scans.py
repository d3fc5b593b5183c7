"""Scan files that a user keeps: what the nightly job runs, and the pages open with."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any

import tomli_w

from technic.errors import ConfigError, TechnicError, first_line
from technic.operations.alerts.channels import check_channels
from technic.runtime.files import write_atomically
from technic.runtime.settings import NAME, Settings
from technic.scanner.spec.question import resolve_question
from technic.scanner.spec.scan_file import ScanFile, presets

LARGEST = 64 << 10  # bytes of a scan file
SEAL = "# sealed by technic; delete this line if you edit the file:"
HEXADECIMAL = re.compile(r"#.*[0-9a-f]{20}")  # a seal, even one of which a part was damaged


@dataclass(frozen=True, slots=True)
class Saved:
    """One scan file that is kept.

    Attributes
    ----------
    name : by which it is asked for; the file's own `name` is its title
    content : as TOML holds it; empty if it cannot be read
    file : the same, parsed and checked; None where `trouble` says why not
    trouble : why it cannot be run, in one line; empty if it can
    """

    name: str
    content: Mapping[str, Any]
    file: ScanFile | None
    trouble: str = ""

    @property
    def title(self) -> str:
        """What to show."""
        return self.file.name if self.file is not None else self.name


def folder_of(settings: Settings) -> Path:
    """Where scan files are kept: any *.toml there counts."""
    return settings.scans


def saved_scans(settings: Settings) -> list[Saved]:
    """Every scan file that is kept, in order of their names; one that cannot be read says why."""
    paths = sorted(folder_of(settings).glob("*.toml"))
    return [_read(path) for path in paths if NAME.fullmatch(path.stem)]


def saved_scan(settings: Settings, name: str) -> Saved:
    """The saved scan of a name.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    path = _path(settings, name)
    if not path.exists():
        names = ", ".join(saved.name for saved in saved_scans(settings)) or "none yet"
        raise ConfigError(f"{name}: no scan is saved under that name; there are {names}")
    return _read(path)


def scan_file(settings: Settings, name: str) -> ScanFile:
    """The scan file of a name: a saved scan, or else a preset.

    Raises
    ------
    ConfigError
        If there is neither, or it cannot be run.
    """
    if name in presets() and not _path(settings, name).exists():
        return ScanFile.preset(name)
    saved = saved_scan(settings, name)
    if saved.file is None:
        raise ConfigError(saved.trouble)
    return saved.file


def save_scan(settings: Settings, name: str, content: Mapping[str, Any]) -> Path:
    """Write a scan file where saved scans lie; one of the same name is replaced.

    Parameters
    ----------
    content : as TOML holds it

    Returns
    -------
    Path
        Where it lies.

    Raises
    ------
    ConfigError
        If the name is none, the file could not be run, or it tells a channel that does not exist.
    QuestionError
        If one of its texts cannot be understood.
    """
    path = _path(settings, name)
    file = ScanFile.of(content, name)
    resolve_question(file)
    check_channels(file.alert.to if file.alert else (), settings, f"{name}: alert.to")
    try:
        text = tomli_w.dumps(content, multiline_strings=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{name}: cannot be written as TOML: {error}") from error
    whole = sealed(text).encode()
    if len(whole) > LARGEST:
        raise ConfigError(f"{name}: a scan file has at most {LARGEST >> 10} kB")
    write_atomically(path, whole)
    return path


def sealed(text: str) -> str:
    """A scan file with a last line that seals all before it.

    Examples
    --------
    >>> sealed('where = "close > 5"').splitlines()[-1][:44]
    '# sealed by technic; delete this line if you'
    """
    body = text.rstrip("\n") + "\n"
    return f"{body}{SEAL} {sha256(body.encode()).hexdigest()}\n"


def check_seal(path: Path, text: str) -> None:
    """Refuse a scan file that was changed after technic wrote it; one's own have no seal.

    Raises
    ------
    ConfigError
        If the seal is of other content.
    """
    found = [line for line in text.split("\n") if HEXADECIMAL.search(line)]
    if found and sealed(text[: text.rindex(found[-1])]) != text:
        raise ConfigError(
            f"{path}: was changed after technic saved it; if you changed it, delete its last line "
            "(# sealed …), else save the scan again or restore it from a backup"
        )


def content_of(file: ScanFile) -> dict[str, Any]:
    """A scan file as TOML holds it; what is the default is left out, but for the name.

    Examples
    --------
    >>> content_of(ScanFile(name="Dips", where="rsi(14) < 30"))
    {'name': 'Dips', 'where': 'rsi(14) < 30'}
    """
    plain, content = ScanFile(), dict[str, Any](name=file.name)
    for name in ("top", "universe", "where", "benchmark"):
        if getattr(file, name) != getattr(plain, name):
            content[name] = getattr(file, name)
    if file.columns != plain.columns:
        content["columns"] = list(file.columns)
    if (file.rank, file.missing) != (plain.rank, plain.missing):
        content["rank"] = {"score": file.rank, "missing": file.missing}
    if file.lets:
        content["let"] = dict(file.lets)
    if file.params:
        content["params"] = dict(file.params)
    rules = {f.name: getattr(file.plan, f.name) for f in fields(file.plan)}
    changed = {k: v for k, v in rules.items() if v != getattr(plain.plan, k)}
    if changed:
        content["plan"] = changed
    if file.alert is not None:
        content["alert"] = file.alert.content()
    traded, default = file.backtest.as_dict(), plain.backtest.as_dict()
    if changed := {k: v for k, v in traded.items() if v != default.get(k)}:
        content["backtest"] = changed
    return content


def forget_scan(settings: Settings, name: str) -> bool:
    """Delete a saved scan; says whether there was one."""
    path = _path(settings, name)
    existed = path.exists()
    path.unlink(missing_ok=True)
    return existed


def _path(settings: Settings, name: str) -> Path:
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r}: a name is made of small letters, digits, - and _, at most 64 of them"
        )
    return folder_of(settings) / f"{name}.toml"


def _read(path: Path) -> Saved:
    try:
        if path.stat().st_size > LARGEST:
            return Saved(path.stem, {}, None, f"{path}: larger than {LARGEST >> 10} kB")
        text = path.read_bytes().decode()
        check_seal(path, text)
        content = tomllib.loads(text)
        file = ScanFile.of(content, path.stem)
        resolve_question(file)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TechnicError) as error:
        said = first_line(error).removeprefix(f"{path}: ")
        return Saved(path.stem, {}, None, f"{path}: {said}")
    return Saved(path.stem, content, file)
