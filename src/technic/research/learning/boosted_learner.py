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
        xgboost = import_xgboost()
        known = ~np.isnan(label)
        matrix = xgboost.QuantileDMatrix(
            x,
            np.nan_to_num(label, nan=0.0),
            weight=known.astype(np.float32),
            feature_names=list(features),
            max_bin=self.bins,
            nthread=self.threads,
        )
        about = {
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
        booster = xgboost.train(about, matrix, num_boost_round=self.trees)
        return Boosted.of(bytes(booster.save_raw("ubj")))
