"""Where things are: settings.

A setting comes from the first of: a flag, the environment, ./technic.toml, the user's own
file, the default; `Setting.origin` says which.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path, user_config_path, user_data_path

from technic.errors import ConfigError
from technic.runtime.cache import DEFAULT, READING, TieredCache, open_cache, secret_of

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")  # of whatever a user names: scans, keys, channels
SETTINGS = {
    "home": ("TECHNIC_HOME", "folder of stores, settings and compiled indicators"),
    "store": ("TECHNIC_STORE", "folder of the store that commands read"),
    "threads": ("TECHNIC_THREADS", "how many threads compute; never changes an answer"),
    "device": (
        "TECHNIC_DEVICE",
        "where models forecast: auto (a graphics card if there is one), cpu or cuda",
    ),
    "executor": (
        "TECHNIC_EXECUTOR",
        "where long work runs: processes:N, threads:N, inline:, ray://host:port",
    ),
    "plugins": (
        "TECHNIC_PLUGINS",
        "scores of your own that may run, each with its digest: technic plugins trust",
    ),
    "cache": ("TECHNIC_CACHE", "where answers are kept: memory,files,redis://host:port/0, or none"),
    "database": (
        "TECHNIC_DATABASE",
        "where the catalog is: file, or postgresql://user@host/name; DATABASE_URL counts too",
    ),
    "provider": ("TECHNIC_PROVIDER", "vendors to sync from: massive, alpaca, or both"),
    "plan": ("TECHNIC_PLAN", "plan at the vendor: basic, starter, developer, advanced"),
    "edgar_contact": (
        "TECHNIC_EDGAR_CONTACT",
        "your name and mail address, without which the SEC answers nothing",
    ),
    "history": ("TECHNIC_HISTORY", "sessions of history that a sync brings in"),
    "webhook_hosts": (
        "TECHNIC_WEBHOOK_HOSTS",
        "hosts of your own network that alerts may be sent to, with commas between",
    ),
    "universe": ("TECHNIC_UNIVERSE", "what a sync brings in: all, or symbols A,B,C"),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One value and where it came from."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are.

    Attributes
    ----------
    home : folder of everything that is ours; None for the system's usual places
    given : every setting that is not the default, by name
    """

    given: Mapping[str, Setting] = field(default_factory=dict)

    @classmethod
    def load(
        cls, environment: Mapping[str, str] | None = None, folder: Path | None = None
    ) -> Settings:
        """The settings in force in this process and folder.

        Raises
        ------
        ConfigError
            If a settings file cannot be read or names an unknown setting.
        """
        env = os.environ if environment is None else environment
        own = Path(env["TECHNIC_HOME"]) if env.get("TECHNIC_HOME") else None
        user = (own or user_config_path("technic")) / "technic.toml"
        here = (folder or Path()) / "technic.toml"
        given: dict[str, Setting] = {}
        for path in (user, here):
            for name, value in read_toml(path).items():
                if name not in SETTINGS:
                    known = ", ".join(SETTINGS)
                    raise ConfigError(f"{path}: {name} is no setting; there are {known}")
                given[name] = Setting(name, str(value), str(path))
        for name, (variable, _) in SETTINGS.items():
            if env.get(variable):
                given[name] = Setting(name, env[variable], variable)
        url = env.get("DATABASE_URL", "")
        if "database" not in given and url.startswith("postgres"):  # others are another program's
            given["database"] = Setting("database", url, "DATABASE_URL")
        return cls(given)

    @property
    def database(self) -> str | None:
        """Where the catalog is; None for a file beside the store."""
        value = self.value("database")
        return None if value in {"", "file", "none"} else value

    @property
    def kernels(self) -> Path:
        """The folder of compiled indicators."""
        home = self._home
        return (home / "cache" if home else user_cache_path("technic")) / "kernels"

    @property
    def stores(self) -> Path:
        """The folder of the user's own stores."""
        home = self._home
        return (home or user_data_path("technic")) / "stores"

    @property
    def scans(self) -> Path:
        """The folder of scan files that are kept."""
        home = self._home
        return (home or user_data_path("technic")) / "scans"

    @property
    def reports(self) -> Path:
        """The folder of the daily loop's reports."""
        home = self._home
        return (home or user_data_path("technic")) / "reports"

    @property
    def mirrors(self) -> Path:
        """The folder of copies of stores that lie in object storage."""
        home = self._home
        return (home / "cache" if home else user_cache_path("technic")) / "mirrors"

    @property
    def datasets(self) -> Path:
        """The folder of what models learn from, which can be made again at any time."""
        home = self._home
        return (home / "cache" if home else user_cache_path("technic")) / "datasets"

    @property
    def threads(self) -> int | None:
        """How many threads compute; None for one per core."""
        setting = self.given.get("threads")
        if setting is None:
            return None
        if not setting.value.isdigit() or int(setting.value) < 1:
            raise ConfigError(f"{setting.origin}: threads is a whole number; got {setting.value}")
        return int(setting.value)

    @property
    def state(self) -> Path:
        """The folder of logs, secrets and what vendors allow."""
        home = self._home
        return (home or user_data_path("technic")) / "state"

    @property
    def cache(self) -> TieredCache:
        """Where answers are kept; the same tiers for the same settings."""
        setting = self.given.get("cache")
        home = self._home
        folder = (home / "cache" if home else user_cache_path("technic")) / "values"
        return open_cache(setting.value if setting else DEFAULT, folder, secret_of())

    def uncached(self) -> Settings:
        """The same settings without a cache: what proves something must not look it up."""
        return Settings({**self.given, "cache": Setting("cache", "none", "without")})

    def reading(self) -> Settings:
        """The same settings, with a cache that is read and never written: for provisional bars."""
        held = self.value("cache", DEFAULT)
        return Settings({**self.given, "cache": Setting("cache", READING + held, "reading")})

    def value(self, name: str, default: str = "") -> str:
        """A setting as text."""
        setting = self.given.get(name)
        return setting.value if setting else default

    def store(self, flag: str | None = None, *, writing: bool = False) -> Setting:
        """The store to read: as said, else the user's own, else the demo's if there is one.

        What is brought in never goes to the demo's unless that is said.
        """
        if flag is not None:
            return Setting("store", flag, "--store")
        if "store" in self.given:
            return self.given["store"]
        own, demo = self.stores / "default", self.stores / "demo"
        if not writing and not (own / "versions").is_dir() and (demo / "versions").is_dir():
            return Setting("store", str(demo), "the demo store, as there is no other")
        return Setting("store", str(own), "your own store")

    @property
    def _home(self) -> Path | None:
        setting = self.given.get("home")
        return Path(setting.value) if setting else None


def without_password(value: str) -> str:
    """A setting as it may be shown: a URL loses its password.

    Examples
    --------
    >>> without_password("postgresql://me:secret@host/db"), without_password("memory,files")
    ('postgresql://me:***@host/db', 'memory,files')
    """
    return re.sub(r"(\w://[^:/@\s]*):[^@\s]*@", r"\1:***@", value)


def write_settings(settings: Settings, **values: str) -> Path:
    """Keep settings in the user's own file, beside those that are there; returns where."""
    home = settings.given.get("home")
    path = (Path(home.value) if home else user_config_path("technic")) / "technic.toml"
    held = {**read_toml(path), **values}
    lines = [f"{name} = {_toml(str(value))}" for name, value in sorted(held.items())]
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = path.with_suffix(".writing")
    scratch.write_text("\n".join(lines) + "\n", encoding="utf-8")
    scratch.replace(path)
    return path


def _toml(text: str) -> str:
    if not text.isprintable() or '"' in text or "\\" in text:
        raise ConfigError(f"{text!r} cannot be kept as a setting")
    return f'"{text}"'


def read_toml(path: Path, *, required: bool = False) -> dict[str, Any]:
    """What a TOML file holds; nothing if there is none and none is required.

    Raises
    ------
    ConfigError
        If it cannot be read.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if required:
            raise ConfigError(f"{path}: there is no such file") from error
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
