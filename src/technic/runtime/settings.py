"""Settings: what there is to set, what is set, and which folders follow from it.

A setting comes from the first of: a flag, the environment, ./technic.toml, the user's own
file, the default; `Setting.origin` says which. `SETTINGS` is all there is to set.
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
from technic.runtime.files import make_folder, write_private

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")  # of whatever a user names: scans, keys, channels
MOST_TOML = 1 << 20  # bytes of a file
MOST_THREADS, MOST_DAYS = 1_024, 36_500
DEFAULT_HISTORY = 504  # sessions: two years
DEFAULT_RETENTION = 400  # days


@dataclass(frozen=True, slots=True)
class SettingInfo:
    """One thing that can be set, as the reference page shows it.

    Attributes
    ----------
    variable : of the environment
    default : what holds if nothing is set, in words where it depends on the machine
    meaning : what the setting does, in one or two sentences
    """

    variable: str
    default: str
    meaning: str


SETTINGS: Mapping[str, SettingInfo] = {
    "home": SettingInfo(
        "TECHNIC_HOME",
        "the system's usual folders for data, cache and settings",
        "Folder of everything that technic writes: stores, settings, compiled indicators, logs.",
    ),
    "store": SettingInfo(
        "TECHNIC_STORE",
        "stores/default below home; the demo's if there is no other",
        "Store that commands use without --store: a folder, or s3://bucket/path.",
    ),
    "threads": SettingInfo(
        "TECHNIC_THREADS", "one per core", "How many threads compute. It never changes an answer."
    ),
    "device": SettingInfo(
        "TECHNIC_DEVICE",
        "auto",
        "Where models forecast: auto (a graphics card if there is one), cpu or cuda. "
        "It never changes an answer.",
    ),
    "executor": SettingInfo(
        "TECHNIC_EXECUTOR",
        "processes",
        "Where long work runs: inline:, threads:N, processes:N, ray://local or ray://host:port.",
    ),
    "plugins": SettingInfo(
        "TECHNIC_PLUGINS",
        "none",
        "Scores of your own that may run, each with the digest of its files: "
        "technic plugins trust writes it.",
    ),
    "cache": SettingInfo(
        "TECHNIC_CACHE",
        DEFAULT,
        "Where computed columns and reports are kept: any of memory, files and "
        "redis://host:port/0, quickest first, with commas between; or none.",
    ),
    "database": SettingInfo(
        "TECHNIC_DATABASE",
        "file",
        "Where the catalog is: file, beside the store, or postgresql://user@host/name. "
        "DATABASE_URL counts too, if it names PostgreSQL.",
    ),
    "provider": SettingInfo(
        "TECHNIC_PROVIDER",
        "those with a key",
        "Vendors to sync from: massive, alpaca, flatfiles, or several with commas between.",
    ),
    "plan": SettingInfo(
        "TECHNIC_PLAN",
        "the free one",
        "Your plan at the vendor, such as basic, starter, developer or advanced, or calls/seconds. "
        "It decides how fast a sync may ask and how far back it may go.",
    ),
    "edgar_contact": SettingInfo(
        "TECHNIC_EDGAR_CONTACT",
        "none",
        "Your name and mail address, without which the SEC answers nothing.",
    ),
    "history": SettingInfo(
        "TECHNIC_HISTORY",
        str(DEFAULT_HISTORY),
        "How many sessions of history a sync brings in.",
    ),
    "retention": SettingInfo(
        "TECHNIC_RETENTION",
        str(DEFAULT_RETENTION),
        "For how many days versions of a store are kept that no kept report, run, model or rollout "
        "names.",
    ),
    "webhook_hosts": SettingInfo(
        "TECHNIC_WEBHOOK_HOSTS",
        "none",
        "Hosts of your own network that alerts may be sent to, with commas between.",
    ),
    "proxies": SettingInfo(
        "TECHNIC_PROXIES",
        "none",
        "Proxies in front of the server, whose X-Forwarded-For is believed: addresses or networks, "
        "with commas between.",
    ),
    "universe": SettingInfo(
        "TECHNIC_UNIVERSE", "all", "What a sync brings in: all, or symbols A,B,C."
    ),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One value and where it came from.

    Attributes
    ----------
    name : in `SETTINGS`
    value : as text
    origin : a flag, a variable of the environment or a file
    """

    name: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What is set, and the folders that follow from it.

    Attributes
    ----------
    given : every setting that is not the default, by name
    """

    given: Mapping[str, Setting] = field(default_factory=dict)

    @classmethod
    def load(
        cls, environment: Mapping[str, str] | None = None, folder: Path | None = None
    ) -> Settings:
        """The settings in force in this process and folder.

        Parameters
        ----------
        environment : variables; those of this process by default
        folder : where technic.toml is looked for; the current one by default

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
                    raise ConfigError(
                        f"{path}: {name} is no setting; there are {', '.join(SETTINGS)}"
                    )
                given[name] = Setting(name, str(value), str(path))
        for name, info in SETTINGS.items():
            if env.get(info.variable):
                given[name] = Setting(name, env[info.variable], info.variable)
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
        return self._cache_folder / "kernels"

    @property
    def stores(self) -> Path:
        """The folder of the user's own stores."""
        return self._data_folder / "stores"

    @property
    def scans(self) -> Path:
        """The folder of scan files that are kept."""
        return self._data_folder / "scans"

    @property
    def reports(self) -> Path:
        """The folder of the daily loop's reports."""
        return self._data_folder / "reports"

    @property
    def mirrors(self) -> Path:
        """The folder of copies of stores that lie in object storage."""
        return self._cache_folder / "mirrors"

    @property
    def datasets(self) -> Path:
        """The folder of what models learn from, which can be made again at any time."""
        return self._cache_folder / "datasets"

    @property
    def threads(self) -> int | None:
        """How many threads compute; None for one per core.

        Raises
        ------
        ConfigError
            If the setting is no whole number above 0, or a larger one than is meant.
        """
        return self._whole_number("threads", MOST_THREADS)

    @property
    def retention(self) -> int:
        """For how many days versions are kept that nothing names.

        Raises
        ------
        ConfigError
            If the setting is no whole number above 0, or a larger one than is meant.
        """
        return self._whole_number("retention", MOST_DAYS) or DEFAULT_RETENTION

    def _whole_number(self, name: str, most: int) -> int | None:
        """A setting that is a whole number from 1 to `most`; None if it is not given."""
        setting = self.given.get(name)
        if setting is None:
            return None
        text = setting.value.strip()
        # Some digits are no decimals to `int`, and it refuses thousands of them.
        if not text.isdecimal() or len(text) > len(str(most)) or not 1 <= int(text) <= most:
            raise ConfigError(
                f"{setting.origin}: {name} is a whole number from 1 to {most:,}; got {text[:40]}"
            )
        return int(text)

    @property
    def state(self) -> Path:
        """The folder of logs, secrets and what vendors allow."""
        return self._data_folder / "state"

    @property
    def cache(self) -> TieredCache:
        """Where answers are kept; the same tiers for the same settings."""
        setting = self.given.get("cache")
        folder = self._cache_folder / "values"
        return open_cache(setting.value if setting else DEFAULT, folder, secret_of())

    def uncached(self) -> Settings:
        """The same settings without a cache: what proves something must not look it up."""
        return Settings({**self.given, "cache": Setting("cache", "none", "without")})

    def reading(self) -> Settings:
        """The same settings, with a cache that is read and never written: for provisional bars."""
        tiers = READING + self.value("cache", DEFAULT)
        return Settings({**self.given, "cache": Setting("cache", tiers, "reading")})

    def value(self, name: str, default: str = "") -> str:
        """A setting as text."""
        setting = self.given.get(name)
        return setting.value if setting else default

    def store(self, flag: str | None = None, *, writing: bool = False) -> Setting:
        """The store to use: as named, else the user's own, else the demo's if there is one.

        Parameters
        ----------
        flag : the store that a command names; None if it names none
        writing : whether data is brought in; it never goes to the demo's store unless named
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
    def _data_folder(self) -> Path:
        return self._home or user_data_path("technic")

    @property
    def _cache_folder(self) -> Path:
        return self._home / "cache" if self._home else user_cache_path("technic")

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


def settings_file(settings: Settings) -> Path:
    """The user's own file of settings."""
    home = settings.given.get("home")
    return (Path(home.value) if home else user_config_path("technic")) / "technic.toml"


def write_settings(settings: Settings, **values: str) -> Path:
    """Keep settings in the user's own file, beside those that are there; returns where."""
    path = settings_file(settings)
    merged = {**read_toml(path), **values}
    lines = [f"{name} = {_toml(str(value))}" for name, value in sorted(merged.items())]
    make_folder(path.parent)
    scratch = path.with_suffix(".writing")
    write_private(scratch, ("\n".join(lines) + "\n").encode())
    scratch.replace(path)
    return path


def _toml(text: str) -> str:
    if not text.isprintable() or '"' in text or "\\" in text:
        raise ConfigError(f"{text!r} cannot be kept as a setting")
    return f'"{text}"'


def toml_text(path: Path) -> str | None:
    """The text of a TOML file; None for a word that names none, such as a preset's.

    Raises
    ------
    OSError, ValueError
        If it cannot be read, or is larger than `MOST_TOML`.
    """
    if path.suffix != ".toml" and not path.exists():
        return None
    with path.open(encoding="utf-8") as handle:
        text = handle.read(MOST_TOML + 1)
    if len(text) > MOST_TOML:
        message = "too large"
        raise ValueError(message)
    return text


def read_toml(path: Path, *, required: bool = False) -> dict[str, Any]:
    """What a TOML file holds.

    Parameters
    ----------
    required : whether a missing file is an error; it holds nothing otherwise

    Raises
    ------
    ConfigError
        If it cannot be read, is larger than `MOST_TOML`, or is required and missing.
    """
    try:
        if path.stat().st_size > MOST_TOML:
            raise ConfigError(f"{path}: is larger than {MOST_TOML:,} bytes")
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        str(content)  # Python writes no whole number of too many digits, which hexadecimals can be
    except FileNotFoundError as error:
        if required:
            raise ConfigError(f"{path}: there is no such file") from error
        return {}
    except RecursionError as error:  # brackets inside brackets, without end
        raise ConfigError(f"{path}: cannot be read: nested too deep") from error
    except (ValueError, OSError) as error:  # no TOML, no UTF-8, or a number that nothing holds
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    return content
