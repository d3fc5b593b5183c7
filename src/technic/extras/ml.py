"""Learning boosted trees with XGBoost, and taking their forecasts apart."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from technic.alpha.boosted import Boosted
from technic.alpha.samples import Float32
from technic.errors import not_installed
from technic.market.typing import FloatArray


@dataclass(frozen=True, slots=True)
class BoostedLearner:
    """Learns boosted trees by histograms.

    Attributes
    ----------
    trees, depth, rate : how many, how deep, and how much each one counts
    rows, columns : the share of each that a tree sees
    least : rows that a leaf stands for at least, in weights
    bins : into which a feature's places are counted
    threads : never changes what is learned; 0 takes every core
    """

    trees: int = 300
    depth: int = 6
    rate: float = 0.05
    rows: float = 0.5
    columns: float = 0.5
    least: float = 200.0
    bins: int = 64
    penalty: float = 10.0
    device: str = "cpu"
    threads: int = 0
    name: str = "xgboost"

    def fit(self, features: tuple[str, ...], x: Float32, label: Float32, seed: int) -> Boosted:
        """Trees that reduce the squared error of the rows whose label is known."""
        xgboost = _xgboost()
        known = ~np.isnan(label)
        matrix = xgboost.QuantileDMatrix(
            x, np.nan_to_num(label, nan=0.0), weight=known.astype(np.float32),
            feature_names=list(features), max_bin=self.bins, nthread=self.threads,
        )  # fmt: skip
        about = {
            "objective": "reg:squarederror", "base_score": 0.0, "tree_method": "hist",
            "max_depth": self.depth, "eta": self.rate, "subsample": self.rows,
            "colsample_bytree": self.columns, "min_child_weight": self.least,
            "max_bin": self.bins, "lambda": self.penalty, "seed": seed, "device": self.device,
            "nthread": self.threads, "verbosity": 0,
        }  # fmt: skip
        booster = xgboost.train(about, matrix, num_boost_round=self.trees)
        return Boosted.of(bytes(booster.save_raw("ubj")))


def contributions(model: Boosted, x: Float32) -> FloatArray:
    """What each feature adds to each row, exactly; shape (n_rows, n_features + 1), last the base.

    References
    ----------
    Lundberg et al. (2020), From local explanations to global understanding with explainable AI for
    trees: the values of Shapley, found along every path.
    """
    xgboost = _xgboost()
    booster = xgboost.Booster()
    booster.load_model(bytearray(model.content()))  # its digest was checked before it came here
    matrix = xgboost.DMatrix(x, feature_names=list(model.features))
    parts: FloatArray = booster.predict(matrix, pred_contribs=True).astype(np.float64)
    return parts


def _xgboost() -> Any:
    try:
        return import_module("xgboost")
    except ImportError as error:
        raise not_installed(error, "ml") from error
