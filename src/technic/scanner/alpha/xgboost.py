"""Forecasts of trees taken apart by XGBoost, which is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from technic.errors import not_installed
from technic.market.typing import FloatArray
from technic.scanner.alpha.boosted import Boosted
from technic.scanner.alpha.samples import Float32


def contributions(model: Boosted, x: Float32) -> FloatArray:
    """Return what each feature adds to each forecast; shape (n_rows, n_features + 1), base last.

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
    """Return the library.

    Raises
    ------
    ConfigError
        If it is not installed; says how to install it.
    """
    try:
        return import_module("xgboost")
    except ImportError as error:
        raise not_installed(error, "ml") from error
