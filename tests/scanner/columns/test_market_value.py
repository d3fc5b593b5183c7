"""The source of market value: shares that were filed, else what a vendor said."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from technic.scanner.columns.market_value import MarketValue


def test_filed_shares_come_before_what_was_told():
    view = SimpleNamespace(
        columns={
            "shares": np.array([10.0, np.nan, np.nan]),
            "market_cap_told": np.array([1.0, 7.0, np.nan]),
        },
        closes=np.array([5.0, 5.0, 5.0]),
    )
    value = MarketValue().load(["market_cap"], view).values["market_cap"]
    np.testing.assert_array_equal(value, [50.0, 7.0, np.nan])
