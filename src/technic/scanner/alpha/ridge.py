"""Ridge regression of returns on percentiles of features: the baseline that other models have to beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import orjson

from technic.errors import ModelError
from technic.market.typing import FloatArray
from technic.scanner.alpha.samples import Float32

STRETCH = 65_536  # rows worked on at once
MOST = 4096  # features


@dataclass(frozen=True, slots=True)
class Ridge:
    """A linear forecast; an unknown feature stands in the middle, at 0.

    Attributes
    ----------
    features : names of the columns that rows must have, in this order
    coefficients : float64, shape (n_features,); standard deviations of the label per unit of place
    """

    features: tuple[str, ...]
    coefficients: FloatArray

    def predict(self, x: Float32) -> Float32:
        """Forecast each row.

        Parameters
        ----------
        x : float32, shape (n_rows, n_features); places, NaN is unknown

        Returns
        -------
        Float32
            float32, shape (n_rows,); standard deviations of the label.
        """
        out = np.empty(len(x), dtype=np.float32)
        for start in range(0, len(x), STRETCH):
            part = np.nan_to_num(x[start : start + STRETCH].astype(np.float64), nan=0.0)
            out[start : start + STRETCH] = _summed(part, self.coefficients)
        return out

    def contributions(self, x: Float32) -> FloatArray:
        """Return what each feature adds to each forecast; shape (n_rows, n_features + 1), base last."""
        parts = np.nan_to_num(x.astype(np.float64), nan=0.0) * self.coefficients
        return np.concatenate([parts, np.zeros((len(x), 1))], axis=1)

    def content(self) -> bytes:
        """Return the model as a file holds it."""
        return orjson.dumps({"features": self.features, "coefficients": self.coefficients.tolist()})

    @classmethod
    def of(cls, content: bytes) -> Ridge:
        """Read the model that a file holds.

        Raises
        ------
        ModelError
            If it holds none.
        """
        try:
            read = orjson.loads(content)
            features = tuple(str(name) for name in read["features"])
            numbers = np.array(read["coefficients"], dtype=np.float64)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise ModelError(f"that is no ridge model: {error}") from error
        if numbers.shape != (len(features),) or len(features) > MOST:
            raise ModelError(f"{len(features)} features and coefficients of shape {numbers.shape}")
        if not np.isfinite(numbers).all():
            raise ModelError("a coefficient that is no number")
        return cls(features, numbers)


def _summed(part: FloatArray, coefficients: FloatArray) -> FloatArray:
    """Feature after feature, so that a row's sum does not depend on the rows beside it."""
    total = np.zeros(len(part))
    for j, weight in enumerate(coefficients):
        total += part[:, j] * weight
    return total


@dataclass(frozen=True, slots=True)
class RidgeLearner:
    """Learns a ridge regression.

    Attributes
    ----------
    strength : the penalty, as a share of the mean diagonal of the normal equations
    name : of the kind of model
    """

    strength: float = 0.1
    name: str = "ridge"

    def fit(self, features: tuple[str, ...], x: Float32, label: Float32, _seed: int) -> Ridge:
        """Find the coefficients that minimise the squared error of known labels and their own size.

        Parameters
        ----------
        features : names of the columns of `x`
        x : float32, shape (n_rows, n_features); NaN is unknown
        label : float32, shape (n_rows,); NaN rows teach nothing
        """
        k = x.shape[1]
        square, right = np.zeros((k, k)), np.zeros(k)
        for start in range(0, len(x), STRETCH):
            y = label[start : start + STRETCH]
            has_label = ~np.isnan(y)
            part = np.nan_to_num(x[start : start + STRETCH][has_label].astype(np.float64), nan=0.0)
            square += part.T @ part
            right += part.T @ y[has_label].astype(np.float64)
        penalty = self.strength * max(float(np.trace(square)) / k, 1e-12)
        return Ridge(features, np.linalg.solve(square + penalty * np.eye(k), right))
