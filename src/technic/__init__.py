"""technic scans the whole US stock market: which stocks, in which order, and why.

>>> import technic as tc
>>> store = tc.open_store("market")                                     # doctest: +SKIP
>>> store.import_bars("bars.parquet", adjusted="none")                  # doctest: +SKIP
>>> report = tc.scan(store, where="rsi(14) < 30 and close > sma(200)")  # doctest: +SKIP
>>> report.rows, report.ledger, report.manifest                         # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from technic.backtesting.running import backtest
    from technic.charting import chart
    from technic.differences import diff
    from technic.errors import TechnicError
    from technic.evaluating import evaluate
    from technic.explaining import explain, why_not
    from technic.fundamentals import market_regime
    from technic.histories import features
    from technic.linting import lint
    from technic.recording import record
    from technic.report import Report
    from technic.scan_file import ScanFile
    from technic.scanning import scan
    from technic.spanning import scan_sessions
    from technic.sync import open_store
    from technic.training import train

__version__ = "0.1.0"
__all__ = [
    "Report",
    "ScanFile",
    "TechnicError",
    "__version__",
    "backtest",
    "chart",
    "diff",
    "evaluate",
    "explain",
    "features",
    "lint",
    "market_regime",
    "open_store",
    "record",
    "scan",
    "scan_sessions",
    "train",
    "why_not",
]

# Imported when first used: `import technic` must not wait for a compiler.
_HOMES = {
    "Report": "report",
    "ScanFile": "scan_file",
    "TechnicError": "errors",
    "backtest": "backtesting.running",
    "chart": "charting",
    "diff": "differences",
    "evaluate": "evaluating",
    "explain": "explaining",
    "features": "histories",
    "lint": "linting",
    "market_regime": "fundamentals",
    "open_store": "sync",
    "record": "recording",
    "scan": "scanning",
    "scan_sessions": "spanning",
    "train": "training",
    "why_not": "explaining",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module 'technic' has no attribute {name!r}"
        raise AttributeError(message)
    value = getattr(import_module(f"technic.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
