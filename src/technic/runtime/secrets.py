"""Secrets: in the environment, in files that it names, or in our own file; never shown.

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
    """A value that does not show itself.

    Attributes
    ----------
    value : the secret
    origin : a variable of the environment, or a file
    """

    value: str
    origin: str

    def __repr__(self) -> str:
        """Where it came from; nothing of what it is."""
        return f"Secret(from {self.origin})"


def find(
    name: str, settings: Settings, environment: Mapping[str, str] | None = None
) -> Secret | None:
    """Look up a secret; None if nobody set it.

    Parameters
    ----------
    name : in `VARIABLES`
    environment : variables; those of this process by default

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
    texts = _own_file(_path(settings))
    return Secret(texts[name], str(_path(settings))) if texts.get(name) else None


def keep(name: str, value: str, settings: Settings) -> Path:
    """Write a secret into our own file, which only its owner may read; returns where.

    Parameters
    ----------
    name : in `VARIABLES`, or one that begins with channel_

    Raises
    ------
    ConfigError
        If the value is no line of letters, digits and signs, or others may read the file.
    """
    path = _path(settings)
    _write(path, {**_own_file(path), name: value})
    return path


def _write(path: Path, texts: Mapping[str, str]) -> None:
    lines = [f"{key} = {_quote(text)}" for key, text in sorted(texts.items())]
    before = os.umask(0o077)  # nobody may read the file in the moment before its mode is set
    try:
        write_atomically(path, ("\n".join(lines) + "\n").encode())
    finally:
        os.umask(before)
    path.chmod(0o600)


def secrets_under(prefix: str, settings: Settings) -> dict[str, Secret]:
    """Secrets in our own file whose names begin with a prefix, by the rest of the name."""
    path = _path(settings)
    texts = _own_file(path).items()
    return {k.removeprefix(prefix): Secret(v, str(path)) for k, v in texts if k.startswith(prefix)}


def forget(name: str, settings: Settings) -> bool:
    """Take a secret out of our own file; returns whether it was there."""
    path = _path(settings)
    texts = _own_file(path)
    was_there = texts.pop(name, None) is not None
    if was_there:
        _write(path, texts)
    return was_there


def all_values(settings: Settings) -> list[str]:
    """Every secret there is: what logs must not hold."""
    try:
        values = [secret.value for secret in secrets_under("channel_", settings).values()]
    except ConfigError:
        values = []
    for name in VARIABLES:
        try:
            secret = find(name, settings)
        except ConfigError:
            continue
        if secret is not None:
            values.append(secret.value)
    return values


def _path(settings: Settings) -> Path:
    return settings.state / "secrets.toml"


def _own_file(path: Path) -> dict[str, str]:
    """What our own file holds, by name; others must not be able to read it."""
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


def _quote(text: str) -> str:
    """A TOML string.

    Raises
    ------
    ConfigError
        If a key holds what no key holds.
    """
    if not text.isprintable() or '"' in text or "\\" in text:
        raise ConfigError("a key is one line of letters, digits and signs; this is none")
    return f'"{text}"'
