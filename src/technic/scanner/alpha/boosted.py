"""Gradient boosted trees, kept as XGBoost writes them and evaluated here: the same bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from technic.scanner.alpha.forest import Forest, forest_of, predict
from technic.scanner.alpha.samples import Float32


@dataclass(frozen=True, slots=True)
class Boosted:
    """Boosted trees, and the file that they are kept in.

    Attributes
    ----------
    forest : the trees as arrays
    file : UBJSON, as XGBoost writes it; it predicts there as it does here
    """

    forest: Forest
    file: bytes

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns that rows must have."""
        return self.forest.features

    def predict(self, x: Float32) -> Float32:
        """Forecast each row, in standard deviations of the label."""
        return predict(self.forest, np.ascontiguousarray(x, dtype=np.float32))

    def content(self) -> bytes:
        """Return the model as a file holds it."""
        return self.file

    @classmethod
    def of(cls, content: bytes) -> Boosted:
        """Read the model that a file holds.

        Raises
        ------
        ModelError
            If it holds none.
        """
        return cls(forest_of(content), content)
