"""Scan files: what is asked, as text, and the presets that are shipped with the package."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from technic.errors import ConfigError
from technic.runtime.section import MOST_ITEMS, Section, number_of, shown
from technic.runtime.toml_file import read_toml
from technic.scanner.plan import PlanRules
from technic.scanner.spec.alert_rules import AlertRules
from technic.scanner.spec.backtest_rules import BacktestRules

UNIVERSES = {
    "all": "",
    "common": "coalesce(is_common, true)",
    "liquid": "coalesce(is_common, true) and close >= 1 and dollar_volume(20) >= 1M",
    "large": "coalesce(is_common, true) and close >= 5 and dollar_volume(20) >= 20M",
}
DEFAULT_COLUMNS = ("close", "rsi(14)", "atr_pct(14)", "dollar_volume(20)")
KEYS = (
    *("name", "description", "universe", "where", "rank", "columns", "top", "benchmark"),
    *("let", "params", "plan", "alert", "backtest"),
)


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

    def __post_init__(self) -> None:
        """Hold every value to its kind, whoever gives it.

        Raises
        ------
        ConfigError
            If one is of another kind, or out of bounds; names it.
        """
        section = Section({name: getattr(self, name) for name in (*_KINDS, "columns")}, "")
        for name, kind in _KINDS.items():
            kind(section, name)
        object.__setattr__(self, "columns", section.texts("columns"))
        symbols_of(self.symbols or None)

    @classmethod
    def read(cls, source: Path | str) -> ScanFile:
        """Read a scan file, or a preset by its name.

        Parameters
        ----------
        source : path of a TOML file, or the name of a preset

        Raises
        ------
        ConfigError
            If there is neither, or it says something that cannot be.
        """
        path = Path(source)
        if path.suffix != ".toml" and not _may_exist(path):
            return cls.preset(str(source))
        content = read_toml(path, required=True)
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
        section = Section.of(content, f"{what}: ", KEYS)
        rank, missing = _rank(section)
        universe = section.text("universe")
        return cls(
            name=section.text("name", Path(what).stem),
            top=section.whole("top", 20),
            columns=section.texts("columns", DEFAULT_COLUMNS),
            universe=UNIVERSES.get(universe, universe),
            where=section.text("where"),
            benchmark=section.text("benchmark", "market"),
            lets=_lets(section),
            params=_params(section),
            rank=rank,
            missing=missing,
            plan=_plan(section.table("plan"), what),
            alert=AlertRules.of(content["alert"], what) if "alert" in section else None,
            backtest=BacktestRules.of(section.table("backtest"), what),
        )


_KINDS: Mapping[str, Callable[[Section, str], object]] = {
    **dict.fromkeys(("name", "universe", "where", "benchmark", "rank", "missing"), Section.text),
    "top": lambda section, name: section.whole(name, 1),
}


def symbols_of(given: Iterable[str] | None) -> tuple[str, ...] | None:
    """The symbols that alone are asked about; None for everybody.

    Parameters
    ----------
    given : names; None if nobody was named

    Raises
    ------
    ConfigError
        If it is no list of texts, or names nobody: a filter that finds nobody is not the market.

    Examples
    --------
    >>> symbols_of(["MSFT", "AAPL", "MSFT"])
    ('AAPL', 'MSFT')
    """
    if given is None:
        return None
    is_list = isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping)
    names = list(given) if is_list else []
    if not is_list or not all(isinstance(name, str) for name in names):
        raise ConfigError(
            f'symbols is a list of texts, such as ["AAPL", "MSFT"]; got {shown(given)}'
        )
    if not names:
        raise ConfigError("symbols names nobody; leave it out to ask about everybody")
    return tuple(sorted(set(names)))


def _may_exist(path: Path) -> bool:
    """Whether reading tells more: it does of a name that is too long."""
    try:
        return path.exists()
    except OSError:
        return True


def presets() -> dict[str, str]:
    """Return the text of every preset, by name."""
    folder = files("technic.scanner.spec.presets")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return {name.removesuffix(".toml"): folder.joinpath(name).read_text("utf-8") for name in names}


def _lets(section: Section) -> dict[str, str]:
    """The texts with a name."""
    names = Section(section.table("let"), f"{section.what}let.")
    return {str(name): names.text(name) for name in names.content}


def _rank(section: Section) -> tuple[str, str]:
    """The score's text and what unknown terms do."""
    if "rank" not in section or isinstance(section.content["rank"], str):
        return section.text("rank", "tech_rating"), "exclude"
    what = f"{section.what}rank."
    rank = Section.of(section.content["rank"], what, ("score", "missing"))
    missing = rank.text("missing", "exclude")
    terms = rank.content.get("score", "tech_rating")
    if isinstance(terms, str):
        return rank.text("score", terms), missing
    if not isinstance(terms, list | tuple) or not 1 <= len(terms) <= MOST_ITEMS:
        raise ConfigError(f'{what}score is a text, or a list of {{ expr = "…", weight = 1 }}')
    return " + ".join(_term(term, f"{what}score.") for term in terms), missing


def _term(content: Any, what: str) -> str:
    """One addend of a score, with its weight."""
    term = Section.of(content, what, ("expr", "weight"))
    if "expr" not in term:
        raise ConfigError(f'{what}expr is missing: {{ expr = "…", weight = 1 }}')
    return f"{term.number('weight', 1.0)!r} * ({term.text('expr')})"


def _params(section: Section) -> dict[str, float]:
    values: dict[str, float] = {}
    for name, about in section.table("params").items():
        what = f"{section.what}params.{name}"
        if not isinstance(about, Mapping):
            values[str(name)] = number_of(about, what)
            continue
        if "default" not in about:
            raise ConfigError(f"{what} needs a default that is a number")
        value = number_of(about["default"], what)
        low, high = (number_of(about.get(end, value), f"{what}.{end}") for end in ("min", "max"))
        if not low <= value <= high:
            raise ConfigError(f"{what} = {value:g} lies outside {low:g} … {high:g}")
        values[str(name)] = value
    return values


def _plan(content: Mapping[str, Any], what: str) -> PlanRules:
    section = Section.of(content, f"{what}: plan.", (f.name for f in fields(PlanRules)))
    standard = PlanRules()
    return PlanRules(
        side=section.text("side", standard.side),
        entry=section.text("entry", standard.entry),
        stop=section.text("stop", standard.stop),
        risk=section.share("risk", standard.risk),
        max_heat=section.share("max_heat", standard.max_heat),
        max_adv=section.share("max_adv", standard.max_adv),
        account=section.number("account", standard.account),
        leverage=section.number("leverage", standard.leverage),
        max_positions=section.whole("max_positions", standard.max_positions, least=0),
        target=section.text("target", standard.target),
    )
