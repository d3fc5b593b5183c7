"""Where things are, and what is asked: settings and scan files.

A setting comes from the first of: a flag, the environment, ./technic.toml, the user's own
file, the default; `Setting.origin` says which.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path, user_config_path, user_data_path

from technic.alert_rules import AlertRules
from technic.cache import DEFAULT, READING, TieredCache, open_cache, secret_of
from technic.errors import ConfigError
from technic.plan import PlanRules

UNIVERSES = {
    "all": "",
    "common": "coalesce(is_common, true)",
    "liquid": "coalesce(is_common, true) and close >= 1 and dollar_volume(20) >= 1M",
    "large": "coalesce(is_common, true) and close >= 5 and dollar_volume(20) >= 20M",
}
DEFAULT_COLUMNS = ("close", "rsi(14)", "atr_pct(14)", "dollar_volume(20)")
SETTINGS = {
    "home": ("TECHNIC_HOME", "folder of stores, settings and compiled indicators"),
    "store": ("TECHNIC_STORE", "folder of the store that commands read"),
    "threads": ("TECHNIC_THREADS", "how many threads compute; never changes an answer"),
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
            for name, value in _read_toml(path).items():
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


@dataclass(frozen=True, slots=True)
class ScanFile:
    """What is asked.

    Attributes
    ----------
    name, top, columns, universe, where : as in the scan file
    benchmark : "market" or a symbol
    lets : texts with a name
    params : values of `$name`
    rank : text of the score, terms joined by + and −
    missing : what an unknown term does
    plan : how plans are made
    symbols : only these, if any are given
    alert : when a change is told, and to whom; None if never
    """

    name: str = "everything by technical rating"
    top: int = 20
    columns: tuple[str, ...] = DEFAULT_COLUMNS
    universe: str = ""
    where: str = ""
    benchmark: str = "market"
    lets: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, float] = field(default_factory=dict)
    rank: str = "tech_rating"
    missing: str = "exclude"
    plan: PlanRules = field(default_factory=PlanRules)
    symbols: tuple[str, ...] = ()
    alert: AlertRules | None = None

    @classmethod
    def read(cls, source: Path) -> ScanFile:
        """A scan file, or a preset by its name.

        Raises
        ------
        ConfigError
            If there is neither, or it says something that cannot be.
        """
        if source.suffix != ".toml" and not source.exists():
            return cls.preset(str(source))
        content = _read_toml(source, required=True)
        return cls.of(content, str(source))

    @classmethod
    def preset(cls, name: str) -> ScanFile:
        """One of the scan files shipped with the package."""
        known = presets()
        if name not in known:
            raise ConfigError(
                f"{name}: neither a scan file nor a preset; the presets are {', '.join(known)}"
            )
        return cls.of(tomllib.loads(known[name]), f"preset {name}")

    @classmethod
    def of(cls, content: Mapping[str, Any], what: str) -> ScanFile:
        """A scan file's content, checked key by key."""
        known = {
            "name", "top", "columns", "benchmark", "universe", "let", "where", "params",
            "rank", "plan", "backtest", "description", "alert",
        }  # fmt: skip
        if unknown := sorted(set(content) - known):
            raise ConfigError(
                f"{what}: {', '.join(unknown)} means nothing here; there are "
                f"{', '.join(sorted(known))}"
            )
        rank, missing = _rank(content.get("rank"), what)
        columns = content.get("columns", DEFAULT_COLUMNS)
        return cls(
            name=str(content.get("name", Path(what).stem)),
            top=_whole(content.get("top", 20), f"{what}: top"),
            columns=tuple(str(column) for column in columns),
            universe=UNIVERSES.get(
                str(content.get("universe", "")), str(content.get("universe", ""))
            ),
            where=str(content.get("where", "")),
            benchmark=str(content.get("benchmark", "market")),
            lets={str(k): str(v) for k, v in content.get("let", {}).items()},
            params=_params(content.get("params", {}), what),
            rank=rank,
            missing=missing,
            plan=_plan(content.get("plan", {}), what),
            alert=AlertRules.of(content["alert"], what) if "alert" in content else None,
        )


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
    held = {**_read_toml(path), **values}
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


def presets() -> dict[str, str]:
    """Text of every preset, by name."""
    folder = files("technic.presets")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return {name.removesuffix(".toml"): folder.joinpath(name).read_text("utf-8") for name in names}


def _read_toml(path: Path, *, required: bool = False) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if required:
            raise ConfigError(f"{path}: there is no such file") from error
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error


def _rank(content: Any, what: str) -> tuple[str, str]:
    """The score's text and what unknown terms do."""
    if content is None:
        return "tech_rating", "exclude"
    if isinstance(content, str):
        return content, "exclude"
    missing = str(content.get("missing", "exclude"))
    score = content.get("score", "tech_rating")
    if isinstance(score, str):
        return score, missing
    try:
        terms = [f"{float(term.get('weight', 1))!r} * ({term['expr']})" for term in score]
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f'{what}: rank.score is a list of {{ expr = "…", weight = 1 }}'
        ) from error
    return " + ".join(terms), missing


def _params(content: Mapping[str, Any], what: str) -> dict[str, float]:
    values: dict[str, float] = {}
    for name, about in content.items():
        value: Any = about.get("default") if isinstance(about, Mapping) else about
        low: Any = about.get("min", value) if isinstance(about, Mapping) else value
        high: Any = about.get("max", value) if isinstance(about, Mapping) else value
        if not all(isinstance(bound, int | float) for bound in (value, low, high)):
            raise ConfigError(f"{what}: params.{name} needs a default that is a number")
        if not low <= value <= high:
            raise ConfigError(f"{what}: params.{name} = {value} lies outside {low} … {high}")
        values[str(name)] = float(value)
    return values


def _plan(content: Mapping[str, Any], what: str) -> PlanRules:
    known = {f.name for f in fields(PlanRules)}
    if unknown := sorted(set(content) - known):
        raise ConfigError(
            f"{what}: plan.{', plan.'.join(unknown)} means nothing; there are "
            f"{', '.join(sorted(known))}"
        )
    shares = {"risk", "max_heat", "max_adv"}
    try:
        given: dict[str, Any] = {
            k: share(v, f"plan.{k}") if k in shares else v for k, v in content.items()
        }
        return PlanRules(**given)
    except TypeError as error:
        raise ConfigError(f"{what}: plan holds a value of the wrong kind: {error}") from error


def share(value: Any, what: str) -> float:
    """`"1%"` and `0.01` are the same share.

    Examples
    --------
    >>> share("1%", "risk"), share(0.01, "risk")
    (0.01, 0.01)
    """
    text = str(value).strip()
    try:
        return float(text[:-1]) / 100.0 if text.endswith("%") else float(text)
    except ValueError as error:
        raise ConfigError(f'{what} is a share such as "1%"; got {value!r}') from error


def _whole(value: Any, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"{what} is a whole number of at least 1; got {value!r}")
    return value
