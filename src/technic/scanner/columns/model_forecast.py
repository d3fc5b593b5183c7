"""The forecast of a model for every member of its universe: `alpha` and `alpha_rank`.

A forecast is a place on a normal scale, in standard deviations of the relative return that the
model learned to order; it is no return in percent, and is never shown as one. Symbols outside the
model's own universe have none.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from technic.compute.column_cache import ColumnCache
from technic.compute.last_bar import columns_of
from technic.data.store.mapped_panel import MappedPanel
from technic.errors import ConfigError, ModelError, first_line
from technic.indicators.kernel.codegen import digest as kernel_digest
from technic.market.cross_section import percentile
from technic.market.sessions import nyse
from technic.market.typing import BoolArray, FloatArray
from technic.query.evaluate import Evaluation
from technic.query.lower import series_of
from technic.query.series import clauses_of, single_series
from technic.runtime.cache import key_of
from technic.runtime.settings import Settings
from technic.scanner.alpha.boosted import Boosted
from technic.scanner.alpha.card import Card
from technic.scanner.alpha.forest import forest_of
from technic.scanner.alpha.registry import RegisteredModel, active_model, card_of, load_model
from technic.scanner.alpha.ridge import Ridge
from technic.scanner.alpha.samples import Float32, rank_features
from technic.scanner.columns.listings import last_sessions, listed_on
from technic.scanner.columns.source import SessionView

DEVICES = ("auto", "cpu", "cuda")
LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelForecast:
    """What a model expects of every symbol of a session.

    Attributes
    ----------
    card : of the model
    alpha : float64, shape (n_symbols,); standard deviations of the label, NaN is unknown
    rank : float64, shape (n_symbols,); percentile of `alpha` among the members
    """

    card: Card
    alpha: FloatArray
    rank: FloatArray

    @property
    def note(self) -> str:
        """What must stand beside it, wherever it is shown."""
        card = self.card
        why = f" — {card.why}" if card.why else ""
        return f"alpha: {card.label}{why} (model {card.sha256[:12]}, technic models)"


def forecast_at(session: SessionView) -> ModelForecast:
    """Return the forecast of a session's model, from the cache if it was made before.

    Parameters
    ----------
    session : whose `wanted_model` is the digest of the model; None takes the one in use

    Raises
    ------
    ModelError
        If there is no model, or it may not be used on this session.
    """
    store, view = session.store, session.panel_view
    digest = session.wanted_model or active_model(store)
    if digest is None:
        raise ModelError("alpha: no model was trained on this store; train one: technic train")
    card = card_of(store, digest)
    cache = ColumnCache(session.settings.cache, len(view))
    keys = {"alpha": key_of("alpha", kernel_digest(), view.name, digest)}
    alpha = cache.recall(keys).get("alpha")
    if alpha is None:
        alpha = _forecast_column(digest, session)
        cache.keep(keys, {"alpha": alpha}, cost=100.0)
    return ModelForecast(card, alpha, percentile(alpha))


def _forecast_column(digest: str, session: SessionView) -> FloatArray:
    """Forecast the members of the model's universe; NaN for everybody else."""
    view, settings = session.panel_view, session.settings
    registered = load_model(session.store, digest)
    card = registered.card
    inside = members_of(card.universe, view, settings, session.columns)
    _check(card, view, int(inside.sum()))
    alpha = np.full(len(view), np.nan)
    alpha[inside] = _predict(registered, values_of(card.features, view, settings, inside), settings)
    return alpha


def _predict(registered: RegisteredModel, values: FloatArray, settings: Settings) -> Float32:
    """Forecast each member: on a graphics card where there is one, else here; the same bits."""
    model = registered.model
    if isinstance(model, Boosted) and (device := _device_forest(model, settings)) is not None:
        return device.forecast(values)[0]  # type: ignore[no-any-return]
    return model.predict(_places_of(values))


def _device_forest(model: Boosted, settings: Settings) -> Any:
    """The model on a graphics card; None where there is none, which is logged once."""
    wanted = settings.value("device", "auto")
    if wanted not in DEVICES:
        raise ConfigError(f"device is one of {', '.join(DEVICES)}; got {wanted!r}")
    if wanted == "cpu" or (wanted == "auto" and find_spec("numba_cuda") is None):
        return None
    return _forest_on_device(model.file)


@lru_cache(maxsize=2)
def _forest_on_device(file: bytes) -> Any:
    try:
        from technic.scanner.alpha.cuda import DeviceForest  # an optional dependency

        return DeviceForest(forest_of(file))
    except (ConfigError, ImportError) as error:
        LOG.info("forecasts are made by the processor: %s", first_line(error))
        return None


def _check(card: Card, view: MappedPanel, members: int) -> None:
    trained_to = nyse().ordinal(date.fromisoformat(card.trained_to))
    card.check_use(
        view.as_of,
        nyse().ordinal(view.as_of) - trained_to,
        kernel_digest(),
        members,
        simulated=view.version.simulated is not None,
    )


def members_of(
    universe: str, view: MappedPanel, settings: Settings, attributes: Mapping[str, Any]
) -> BoolArray:
    """Return who is in a universe on the session of a view: listed, traded, every clause true.

    Parameters
    ----------
    universe : text of the scan language
    view : the session to stand in
    settings : cache, threads and kernels for what the clauses read
    attributes : columns of the listings and of what companies filed, by name

    Returns
    -------
    BoolArray
        bool, shape (n_symbols,).
    """
    clauses = clauses_of(universe)
    series = tuple(dict.fromkeys(s for clause in clauses for s in series_of(clause)))
    columns = columns_of(series, "market", view, settings).values
    everybody = np.ones(len(view), dtype=bool)
    evaluation = Evaluation(len(view), columns, attributes, everybody, lambda _name: frozenset())
    inside: BoolArray = listed_on(view) & (last_sessions(view) == nyse().ordinal(view.as_of))
    for clause in clauses:
        inside &= evaluation.value(clause) == 1.0
    return inside


def values_of(
    features: tuple[str, ...], view: MappedPanel, settings: Settings, inside: BoolArray
) -> FloatArray:
    """Return the features of the members, as indicators give them.

    Parameters
    ----------
    features : texts such as "rsi(14)"
    view : the session to stand in
    settings : cache, threads and kernels
    inside : who is a member; bool, shape (n_symbols,)

    Returns
    -------
    FloatArray
        float64, shape (n_features, n_members); NaN is unknown.
    """
    series = single_series(features)
    columns = columns_of(tuple(series), "market", view, settings).values
    return np.stack([columns[s][inside] for s in series])


def rows_of(
    features: tuple[str, ...], view: MappedPanel, settings: Settings, inside: BoolArray
) -> Float32:
    """Return the places of features among the members, as a model is given them.

    Parameters
    ----------
    features, view, settings, inside : as of `values_of`

    Returns
    -------
    Float32
        float32, shape (n_members, n_features); −0.5 to 0.5, NaN is unknown.
    """
    return _places_of(values_of(features, view, settings, inside))


def _places_of(values: FloatArray) -> Float32:
    places = np.empty(values.shape[::-1], dtype=np.float32)
    for j, column in enumerate(values):
        places[:, j] = rank_features(column)
    return places


@dataclass(frozen=True, slots=True)
class ForecastPart:
    """What one feature adds to one symbol's forecast.

    Attributes
    ----------
    text : the feature; "base" for what every symbol gets
    percentile : of its value among the members; None where it is unknown
    contribution : standard deviations of the label; all together are the forecast
    """

    text: str
    percentile: float | None
    contribution: float


def forecast_parts(session: SessionView, digest: str, at: int) -> tuple[ForecastPart, ...]:
    """Take the forecast of one symbol apart; of trees these are Shapley values, exact on every path.

    Parameters
    ----------
    session : the session of the forecast
    digest : of the model
    at : position of the symbol

    Returns
    -------
    tuple of ForecastPart
        Largest first; empty if the symbol has no forecast.

    Raises
    ------
    ConfigError
        If the model is of trees and XGBoost is not installed.
    """
    registered = load_model(session.store, digest)
    features = registered.card.features
    view, settings = session.panel_view, session.settings
    inside = members_of(registered.card.universe, view, settings, session.columns)
    if not inside[at]:
        return ()
    place = int(inside[:at].sum())
    row = rows_of(features, view, settings, inside)[place : place + 1]
    contributions = _contributions(registered, row)[0]
    parts = [
        ForecastPart(text, None if np.isnan(x) else 100.0 * (float(x) + 0.5), float(added))
        for text, x, added in zip(features, row[0], contributions, strict=False)
    ]
    parts.append(ForecastPart("base", None, float(contributions[-1])))
    return tuple(sorted(parts, key=lambda part: -abs(part.contribution)))


def _contributions(registered: RegisteredModel, row: Float32) -> FloatArray:
    if isinstance(registered.model, Boosted):
        from technic.scanner.alpha.xgboost import contributions  # an optional dependency

        return contributions(registered.model, row)
    assert isinstance(registered.model, Ridge)
    return registered.model.contributions(row)
