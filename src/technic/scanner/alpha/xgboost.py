"""XGBoost, imported when it is asked for: forecasts of trees taken apart."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from technic.errors import not_installed
from technic.market.typing import FloatArray
from technic.scanner.alpha.boosted import Boosted
from technic.scanner.alpha.samples import Float32


def contributions(model: Boosted, x: Float32) -> FloatArray:
    """What each feature adds to each row, exactly; shape (n_rows, n_features + 1), last the base.

    References
    ----------
    Lundberg et al. (2020), From local explanations to global understanding with explainable AI for
    trees: the values of Shapley, found along every path.
    """
    xgboost = import_xgboost()
    booster = xgboost.Booster()
    booster.load_model(bytearray(model.content()))  # its digest was checked before it came here
    matrix = xgboost.DMatrix(x, feature_names=list(model.features))
    parts: FloatArray = booster.predict(matrix, pred_contribs=True).astype(np.float64)
    return parts


def import_xgboost() -> Any:
    """The library, or one line that says how to install it."""
    try:
        return import_module("xgboost")
    except ImportError as error:
        raise not_installed(error, "ml") from error
