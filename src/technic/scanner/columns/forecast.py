"""What a trained model expects: a source of `alpha` and `alpha_rank`."""

from __future__ import annotations

from collections.abc import Sequence

from technic.query.names import ALPHA
from technic.scanner.columns.source import LoadedColumns, SessionView


class Forecast:
    """The forecast of the model in use, or of the one that the view names."""

    is_cacheable = False  # a model may change; the forecast is kept by view and model

    def gives(self, name: str) -> bool:
        """Return whether a name is that of a forecast."""
        return name in ALPHA

    def load(self, _names: Sequence[str], view: SessionView) -> LoadedColumns:
        """Load the forecast and its percentile, the model it came from and its verdict.

        Raises
        ------
        ModelError
            If there is no model, or it may not be used on this session.
        """
        from technic.scanner.columns.model_forecast import forecast_at  # brings the compiler

        forecast = forecast_at(view)
        columns = {"alpha": forecast.alpha, "alpha_rank": forecast.rank}
        return LoadedColumns(columns, (forecast.note,), forecast.card.sha256)
