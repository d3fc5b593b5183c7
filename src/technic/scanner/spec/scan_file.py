"""Scan files: what is asked, as text, and the presets that are shipped with the package."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from technic.errors import ConfigError
from technic.runtime.settings import read_toml
from technic.scanner.plan import PlanRules, share
from technic.scanner.spec.alert_rules import AlertRules
from technic.scanner.spec.backtest_rules import BacktestRules

UNIVERSES = {
    "all": "",
    "common": "coalesce(is_common, true)",
    "liquid": "coalesce(is_common, true) and close >= 1 and dollar_volume(20) >= 1M",
    "large": "coalesce(is_common, true) and close >= 5 and dollar_volume(20) >= 20M",
}
DEFAULT_COLUMNS = ("close", "rsi(14)", "atr_pct(14)", "dollar_volume(20)")


@dataclass(frozen=True, slots=True)
class ScanFile:
    """What is asked, as texts that are not parsed yet.

    Attributes
    ----------
    name : shown above the answer
    top : how many rows are shown
    columns : expressions shown for each row
    universe : who is looked at; clauses, or empty for everybody
    where : who passes; clauses, or empty for everybody
    benchmark : "market" or a symbol
    lets : texts with a name
    params : values of `$name`
    rank : text of the score, terms joined by + and −
    missing : what an unknown term does: "exclude", "zero_weight" or "fill(50)"
    plan : how plans are made
    symbols : only these, if any are given
    alert : when a change is told, and to whom; None if never
    backtest : how `technic backtest` trades it
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
    backtest: BacktestRules = field(default_factory=BacktestRules)

    @classmethod
    def read(cls, source: Path) -> ScanFile:
        """Read a scan file, or a preset by its name.

        Parameters
        ----------
        source : path of a TOML file, or the name of a preset

        Raises
        ------
        ConfigError
            If there is neither, or it says something that cannot be.
        """
        if source.suffix != ".toml" and not source.exists():
            return cls.preset(str(source))
        content = read_toml(source, required=True)
        return cls.of(content, str(source))

    @classmethod
    def preset(cls, name: str) -> ScanFile:
        """Return one of the scan files shipped with the package.

        Raises
        ------
        ConfigError
            If there is none of that name.
        """
        texts = presets()
        if name not in texts:
            raise ConfigError(
                f"{name}: neither a scan file nor a preset; the presets are {', '.join(texts)}"
            )
        return cls.of(tomllib.loads(texts[name]), f"preset {name}")

    @classmethod
    def of(cls, content: Mapping[str, Any], what: str) -> ScanFile:
        """Check the content of a scan file key by key.

        Parameters
        ----------
        content : as TOML gives it
        what : the file, for messages

        Raises
        ------
        ConfigError
            If a key or a value means nothing.
        """
        keys = {
            "name",
            "top",
            "columns",
            "benchmark",
            "universe",
            "let",
            "where",
            "params",
            "rank",
            "plan",
            "backtest",
            "description",
            "alert",
        }
        if unknown := sorted(set(content) - keys):
            raise ConfigError(
                f"{what}: {', '.join(unknown)} means nothing here; there are "
                f"{', '.join(sorted(keys))}"
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
            backtest=BacktestRules.of(content.get("backtest", {}), what),
        )


def presets() -> dict[str, str]:
    """Return the text of every preset, by name."""
    folder = files("technic.scanner.spec.presets")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return {name.removesuffix(".toml"): folder.joinpath(name).read_text("utf-8") for name in names}


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
    keys = {f.name for f in fields(PlanRules)}
    if unknown := sorted(set(content) - keys):
        raise ConfigError(
            f"{what}: plan.{', plan.'.join(unknown)} means nothing; there are "
            f"{', '.join(sorted(keys))}"
        )
    shares = {"risk", "max_heat", "max_adv"}
    try:
        given: dict[str, Any] = {
            k: share(v, f"plan.{k}") if k in shares else v for k, v in content.items()
        }
        return PlanRules(**given)
    except TypeError as error:
        raise ConfigError(f"{what}: plan holds a value of the wrong kind: {error}") from error


def _whole(value: Any, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"{what} is a whole number of at least 1; got {value!r}")
    return value
