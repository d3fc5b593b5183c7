"""The protocol of a model, and the kinds of models that there are."""

from __future__ import annotations

from typing import Protocol

from technic.errors import ModelError
from technic.scanner.alpha.boosted import Boosted
from technic.scanner.alpha.ridge import Ridge
from technic.scanner.alpha.samples import Float32


class Model(Protocol):
    """Forecasts rows of places of features."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns that rows must have, in this order."""
        ...

    def predict(self, x: Float32) -> Float32:
        """Forecast each row, in standard deviations of the label."""
        ...

    def content(self) -> bytes:
        """Return the model as a file holds it."""
        ...


def model_of(kind: str, content: bytes) -> Model:
    """Read the model of a kind that a file holds.

    Raises
    ------
    ModelError
        If there is no such kind, or the file holds something else.
    """
    if kind == "ridge":
        return Ridge.of(content)
    if kind == "xgboost":
        return Boosted.of(content)
    raise ModelError(f"{kind}: no kind of model; there are ridge and xgboost")
