"""Learning boosted trees with XGBoost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from technic.scanner.alpha.boosted import Boosted
from technic.scanner.alpha.samples import Float32
from technic.scanner.alpha.xgboost import import_xgboost


@dataclass(frozen=True, slots=True)
class BoostedLearner:
    """Learns boosted trees by histograms.

    Attributes
    ----------
    trees, depth : how many trees, and how deep each is
    rate : how much each tree counts, 0 to 1
    rows, columns : the share of rows, and of columns, that a tree sees
    least : rows that a leaf stands for at least
    bins : how many bins a feature is counted into
    penalty : of large leaves (XGBoost's lambda)
    device : "cpu" or "cuda"
    threads : never changes what is learned; 0 takes every core
    name : the kind of model
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
        """Learn trees that reduce the squared error of the rows whose label is known.

        Parameters
        ----------
        features : names of the columns of `x`
        x : float32, shape (n_rows, n_features); ranks in −0.5 … 0.5, NaN is unknown
        label : float32, shape (n_rows,); NaN is unknown
        """
        xgboost = import_xgboost()
        labelled = ~np.isnan(label)
        matrix = xgboost.QuantileDMatrix(
            x,
            np.nan_to_num(label, nan=0.0),  # a row of unknown label has no weight
            weight=labelled.astype(np.float32),
            feature_names=list(features),
            max_bin=self.bins,
            nthread=self.threads,
        )
        parameters = {
            "objective": "reg:squarederror",
            "base_score": 0.0,
            "tree_method": "hist",
            "max_depth": self.depth,
            "eta": self.rate,
            "subsample": self.rows,
            "colsample_bytree": self.columns,
            "min_child_weight": self.least,
            "max_bin": self.bins,
            "lambda": self.penalty,
            "seed": seed,
            "device": self.device,
            "nthread": self.threads,
            "verbosity": 0,
        }
        booster = xgboost.train(parameters, matrix, num_boost_round=self.trees)
        return Boosted.of(bytes(booster.save_raw("ubj")))
