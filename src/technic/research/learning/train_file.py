"""Training files: what is learned and how it is judged; one is shipped with the package."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson

from technic.errors import ConfigError, QuestionError, first_line
from technic.research.learning.folds import Spans
from technic.runtime.section import share, text_of
from technic.runtime.toml_file import read_toml
from technic.scanner.spec.scan_file import UNIVERSES

HORIZONS = (1, 5, 21)
MODELS = ("ridge", "xgboost")
TREES = {
    "trees": int,
    "depth": int,
    "rate": float,
    "rows": float,
    "columns": float,
    "least": float,
    "bins": int,
    "penalty": float,
}
MOST_FEATURES = 400


@dataclass(frozen=True, slots=True)
class TrainFile:
    """What is learned, from whom, and how it is judged.

    Attributes
    ----------
    name : the model's title
    model : "ridge" or "xgboost"
    horizon : sessions ahead that the label looks: 1, 5 or 21
    universe : a condition for being a member on a session
    demean : "market" or "sector": whose mean return is taken from the label
    delisting : the return from its last close that is imputed to a name that vanishes, −1 to 0
    seeds : how many models are learned, to see how much chance is in one
    max_age : sessions after which the model may not forecast any more
    features : canonical texts; each is scale-free
    baselines : features, with "-" in front where low is good, that a model is held against
    spans : how the history is divided
    parameters : of the model, by name
    """

    name: str
    model: str
    horizon: int
    universe: str
    demean: str
    delisting: float
    seeds: int
    max_age: int
    features: tuple[str, ...]
    baselines: tuple[str, ...]
    spans: Spans
    parameters: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path | None = None) -> TrainFile:
        """Read a training file; the one of the package by default.

        Raises
        ------
        ConfigError
            If there is none, or it says something that cannot be.
        """
        if path is None:
            return cls.of({}, "the default of training")
        return cls.of(read_toml(path, required=True), str(path))

    @classmethod
    def of(cls, content: Mapping[str, Any], what: str) -> TrainFile:
        """The training file of some content, over the defaults, checked key by key.

        Parameters
        ----------
        content : as TOML holds it; empty for the defaults alone
        what : where it comes from, for messages

        Raises
        ------
        ConfigError
            If it says something that cannot be.
        """
        default = tomllib.loads(default_text())
        if unknown := sorted(set(content) - set(default)):
            raise ConfigError(
                f"{what}: {', '.join(unknown)} means nothing here; there are "
                f"{', '.join(sorted(default))}"
            )
        given = {**default, **content}
        model = _one_of(given["model"], MODELS, f"{what}: model")
        features = _features(given["features"], what)
        return cls(
            name=str(content.get("name", default["name"] if not content else Path(what).stem)),
            model=model,
            horizon=int(_one_of(given["horizon"], HORIZONS, f"{what}: horizon")),
            universe=_universe(given["universe"], what),
            demean=_one_of(given["demean"], ("market", "sector"), f"{what}: demean"),
            delisting=_loss(given["delisting"], f"{what}: delisting"),
            seeds=_whole(given["seeds"], f"{what}: seeds"),
            max_age=_whole(given["max_age"], f"{what}: max_age"),
            features=features,
            baselines=_baselines(content.get("baselines"), default["baselines"], features, what),
            spans=_spans({**default["spans"], **_table(given, "spans", what)}, what),
            parameters=_parameters(
                model, {**default[model], **_table(content, model, what)}, f"{what}: {model}"
            ),
        )

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it."""
        content = asdict(self)
        return {**content, "parameters": dict(self.parameters)}

    @property
    def digest(self) -> str:
        """SHA-256 of everything but the name: two of the same are the same trial."""
        content = {k: v for k, v in self.as_dict().items() if k != "name"}
        return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def default_text() -> str:
    """The text of the training file that is shipped."""
    return files("technic.research.learning").joinpath("default.toml").read_text("utf-8")


def _universe(text: Any, what: str) -> str:
    """The text of the universe, checked: a training of hours would end at it."""
    from technic.query.series import clauses_of

    universe = text_of(text, f"{what}: universe")
    universe = UNIVERSES.get(universe, universe)
    clauses_of(universe)
    return universe


def _features(texts: Any, what: str) -> tuple[str, ...]:
    """Canonical texts of indicators that have no scale."""
    from technic.indicators import REGISTRY  # numba is slow to import
    from technic.query.resolve import Resolver
    from technic.query.tree import Feature

    if not isinstance(texts, list) or not texts or len(texts) > MOST_FEATURES:
        raise ConfigError(f"{what}: features is a list of 1 to {MOST_FEATURES} texts")
    features: dict[str, None] = {}
    for text in texts:
        try:
            tree = Resolver().any(str(text))[0]
        except QuestionError as error:
            raise ConfigError(f"{what}: feature {text}: {first_line(error)}") from error
        if not isinstance(tree, Feature) or not REGISTRY[tree.indicator].scale_free:
            raise ConfigError(
                f"{what}: feature {text}: only indicators without a scale can be compared over "
                "years and between stocks, such as rsi(14), ret(21) or atr_pct(14); a price or an "
                "average of prices is none"
            )
        features[str(tree)] = None
    return tuple(features)


def _baselines(
    given: Any, default: list[str], features: tuple[str, ...], what: str
) -> tuple[str, ...]:
    from technic.query.resolve import Resolver

    baselines = []
    for text in default if given is None else given:
        sign, name = ("-", str(text)[1:]) if str(text).startswith("-") else ("", str(text))
        canonical = str(Resolver().any(name)[0])
        if canonical in features:
            baselines.append(sign + canonical)
        elif given is not None:
            raise ConfigError(f"{what}: baseline {text}: is none of the features")
    return tuple(baselines)


def _spans(content: Mapping[str, Any], what: str) -> Spans:
    names = {f.name for f in fields(Spans)}
    if unknown := sorted(set(content) - names):
        raise ConfigError(f"{what}: spans.{', spans.'.join(unknown)} means nothing")
    if not all(isinstance(v, int) and not isinstance(v, bool) for v in content.values()):
        raise ConfigError(f"{what}: spans are whole numbers of sessions")
    return Spans(**content)


def _parameters(model: str, content: Mapping[str, Any], what: str) -> dict[str, float]:
    kinds: dict[str, type] = TREES if model == "xgboost" else {"strength": float}
    if unknown := sorted(set(content) - set(kinds)):
        raise ConfigError(
            f"{what}.{', '.join(unknown)} means nothing; there are {', '.join(kinds)}"
        )
    parameters: dict[str, float] = {}
    for name, value in content.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise ConfigError(f"{what}.{name} is a number above 0; got {value!r}")
        parameters[name] = kinds[name](value)
    return parameters


def _table(content: Mapping[str, Any], name: str, what: str) -> dict[str, Any]:
    table = content.get(name, {})
    if not isinstance(table, Mapping):
        raise ConfigError(f"{what}: {name} is a table: [{name}]")
    return dict(table)


def _one_of(value: Any, choices: tuple[Any, ...], what: str) -> Any:
    if value not in choices:
        raise ConfigError(f"{what} is one of {', '.join(map(str, choices))}; got {value!r}")
    return value


def _loss(value: Any, what: str) -> float:
    loss = share(value, what)
    if not -1.0 <= loss <= 0.0:
        raise ConfigError(f"{what} is a return from -100% to 0; got {value!r}")
    return loss


def _whole(value: Any, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(f"{what} is a whole number of at least 1; got {value!r}")
    return value
