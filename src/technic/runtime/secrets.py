"""Secrets: found in the environment, in files it names, or in our own file; never shown.

For each name the first of: the variable, the file named by `<variable>_FILE`, the fall-back
variables of vendors' own tools, and `secrets.toml` in our folder, readable by its owner only.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from technic.errors import ConfigError
from technic.runtime.files import write_atomically
from technic.runtime.settings import Settings

VARIABLES = {
    "massive": ("TECHNIC_MASSIVE__API_KEY", "MASSIVE_API_KEY", "POLYGON_API_KEY"),
    "alpaca": ("TECHNIC_ALPACA__KEY_ID", "APCA_API_KEY_ID"),
    "alpaca_secret": ("TECHNIC_ALPACA__SECRET_KEY", "APCA_API_SECRET_KEY"),
    "flatfiles": ("TECHNIC_FLATFILES__ACCESS_KEY", "MASSIVE_S3_ACCESS_KEY"),
    "flatfiles_secret": ("TECHNIC_FLATFILES__SECRET_KEY", "MASSIVE_S3_SECRET_KEY"),
    "cache_secret": ("TECHNIC_CACHE_SECRET",),
}


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that does not show itself."""

    value: str
    origin: str

    def __repr__(self) -> str:
        """Where it came from; nothing of what it is."""
        return f"Secret(from {self.origin})"


def find(
    name: str, settings: Settings, environment: Mapping[str, str] | None = None
) -> Secret | None:
    """A secret by our name for it; None if nobody set it.

    Raises
    ------
    ConfigError
        If a file that should hold it cannot be read, or others may read ours.
    """
    env = os.environ if environment is None else environment
    for variable in VARIABLES[name]:
        if env.get(variable):
            return Secret(env[variable], variable)
        path = env.get(f"{variable}_FILE")
        if path:
            return Secret(_content(Path(path), f"{variable}_FILE"), f"{variable}_FILE")
    kept = _kept(_path(settings))
    return Secret(kept[name], str(_path(settings))) if kept.get(name) else None


def keep(name: str, value: str, settings: Settings) -> Path:
    """Write a secret into our own file, which only its owner may read; returns where."""
    path = _path(settings)
    _write(path, {**_kept(path), name: value})
    return path


def _write(path: Path, held: Mapping[str, str]) -> None:
    lines = [f"{key} = {_quoted(text)}" for key, text in sorted(held.items())]
    before = os.umask(0o077)
    try:
        write_atomically(path, ("\n".join(lines) + "\n").encode())
    finally:
        os.umask(before)
    path.chmod(0o600)


def kept_under(prefix: str, settings: Settings) -> dict[str, Secret]:
    """What our own file holds under names that begin with `prefix`, by the rest of the name."""
    path = _path(settings)
    found = _kept(path).items()
    return {k.removeprefix(prefix): Secret(v, str(path)) for k, v in found if k.startswith(prefix)}


def forget(name: str, settings: Settings) -> bool:
    """Take a secret out of our own file; whether it was there."""
    path = _path(settings)
    held = _kept(path)
    there = held.pop(name, None) is not None
    if there:
        _write(path, held)
    return there


def all_values(settings: Settings) -> list[str]:
    """Every secret there is: what logs must not hold."""
    try:
        values = [secret.value for secret in kept_under("channel_", settings).values()]
    except ConfigError:
        values = []
    for name in VARIABLES:
        try:
            found = find(name, settings)
        except ConfigError:
            continue
        if found is not None:
            values.append(found.value)
    return values


def _path(settings: Settings) -> Path:
    return settings.state / "secrets.toml"


def _kept(path: Path) -> dict[str, str]:
    try:
        about = path.stat()
    except FileNotFoundError:
        return {}
    if os.name != "nt" and stat.S_IMODE(about.st_mode) & 0o077:
        raise ConfigError(f"{path}: others may read it; chmod 600 {path}")
    try:
        return {str(k): str(v) for k, v in tomllib.loads(path.read_text("utf-8")).items()}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read; run technic init again") from error


def _content(path: Path, variable: str) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{variable} {path}: {error.strerror}") from error


def _quoted(text: str) -> str:
    """A TOML string.

    Raises
    ------
    ConfigError
        If a key holds what no key holds.
    """
    if not text.isprintable() or '"' in text or "\\" in text:
        raise ConfigError("a key is one line of letters, digits and signs; this is none")
    return f'"{text}"'
