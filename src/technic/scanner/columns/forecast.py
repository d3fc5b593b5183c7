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

from technic.compute.last_bar import column_content, column_of, columns_of
from technic.data.store import Store
from technic.data.store.panels import MappedPanel
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
from technic.scanner.alpha.registry import Kept, active_model, card_of, load_model
from technic.scanner.alpha.ridge import Ridge
from technic.scanner.alpha.samples import Float32, rank_features
from technic.scanner.columns.listings import last_sessions, listed_on

DEVICES = ("auto", "cpu", "cuda")
LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a model says of every symbol of a view.

    Attributes
    ----------
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


def forecast(
    store: Store,
    view: MappedPanel,
    settings: Settings,
    known: Mapping[str, Any],
    digest: str | None = None,
) -> Forecast:
    """The forecast of a model, the one in use by default.

    Parameters
    ----------
    known : columns of the listings and of what companies filed, by name

    Raises
    ------
    ModelError
        If there is no model, or it may not speak of this session.
    """
    digest = digest or active_model(store)
    if digest is None:
        raise ModelError("alpha: no model was trained on this store; train one: technic train")
    card = card_of(store, digest)
    cache = settings.cache
    key = key_of("alpha", kernel_digest(), view.name, digest)
    held = cache.get(key)
    alpha = column_of(held, len(view.panel)) if held is not None else None
    if alpha is None:
        kept = load_model(store, digest)
        inside = members_of(card.universe, view, settings, known)
        _check(card, view, int(inside.sum()))
        alpha = np.full(len(view.panel), np.nan)
        values = values_of(card.features, view, settings, inside)
        alpha[inside] = _predict(kept, values, settings)
        cache.put(key, column_content(alpha), cost=100.0)
    return Forecast(card, alpha, percentile(alpha))


def _predict(kept: Kept, values: FloatArray, settings: Settings) -> Float32:
    """The forecast of each member: on a card where there is one, else here; the same bits."""
    if isinstance(kept.model, Boosted) and (card := _card(kept.model, settings)) is not None:
        return card.forecast(values)[0]  # type: ignore[no-any-return]
    return kept.model.predict(_placed(values))


def _card(model: Boosted, settings: Settings) -> Any:
    """The model on a graphics card; None where there is none, which is logged once."""
    wanted = settings.value("device", "auto")
    if wanted not in DEVICES:
        raise ConfigError(f"device is one of {', '.join(DEVICES)}; got {wanted!r}")
    if wanted == "cpu" or (wanted == "auto" and find_spec("numba_cuda") is None):
        return None
    return _on_card(model.file)


@lru_cache(maxsize=2)
def _on_card(file: bytes) -> Any:
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
    universe: str, view: MappedPanel, settings: Settings, known: Mapping[str, Any]
) -> BoolArray:
    """Who is in a universe on the session of a view: listed, traded, and all clauses true."""
    asked = clauses_of(universe)
    series = tuple(dict.fromkeys(s for clause in asked for s in series_of(clause)))
    columns = columns_of(series, "market", view, settings).values
    n = len(view.panel)
    evaluation = Evaluation(n, columns, known, np.ones(n, dtype=bool), lambda _name: frozenset())
    inside: BoolArray = listed_on(view) & (last_sessions(view) == nyse().ordinal(view.as_of))
    for clause in asked:
        inside &= evaluation.value(clause) == 1.0
    return inside


def values_of(
    features: tuple[str, ...], view: MappedPanel, settings: Settings, inside: BoolArray
) -> FloatArray:
    """Features of the members, as indicators give them; shape (n_features, n_members)."""
    series = single_series(features)
    columns = columns_of(tuple(series), "market", view, settings).values
    return np.stack([columns[one][inside] for one in series])


def rows_of(
    features: tuple[str, ...], view: MappedPanel, settings: Settings, inside: BoolArray
) -> Float32:
    """Places of features among the members, as a model is given them; shape (n_members, n_features)."""
    return _placed(values_of(features, view, settings, inside))


def _placed(values: FloatArray) -> Float32:
    x = np.empty(values.shape[::-1], dtype=np.float32)
    for j, column in enumerate(values):
        x[:, j] = rank_features(column)
    return x


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


def forecast_parts(
    store: Store,
    view: MappedPanel,
    settings: Settings,
    known: Mapping[str, Any],
    digest: str,
    at: int,
) -> tuple[ForecastPart, ...]:
    """The forecast of the symbol at a position taken apart, largest first; empty if it has none.

    Of trees these are the values of Shapley, exact along every path.

    Raises
    ------
    ConfigError
        If the model is of trees and XGBoost is not installed.
    """
    kept = load_model(store, digest)
    inside = members_of(kept.card.universe, view, settings, known)
    if not inside[at]:
        return ()
    place = int(inside[:at].sum())
    row = rows_of(kept.card.features, view, settings, inside)[place : place + 1]
    parts = _contributions(kept, row)[0]
    found = [
        ForecastPart(text, None if np.isnan(x) else 100.0 * (float(x) + 0.5), float(part))
        for text, x, part in zip(kept.card.features, row[0], parts, strict=False)
    ]
    found.append(ForecastPart("base", None, float(parts[-1])))
    return tuple(sorted(found, key=lambda part: -abs(part.contribution)))


def _contributions(kept: Kept, row: Float32) -> FloatArray:
    if isinstance(kept.model, Boosted):
        from technic.scanner.alpha.xgboost import contributions  # an optional dependency

        return contributions(kept.model, row)
    assert isinstance(kept.model, Ridge)
    return kept.model.contributions(row)
