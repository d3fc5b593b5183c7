from .backtesting.running import backtest
from .charting import chart
from .compute.history import features
from .data.ingest import open_store
from .differences import diff
from .errors import TechnicError
from .evaluating import evaluate
from .explaining import explain, why_not
from .fundamentals import market_regime
from .linting import lint
from .recording import record
from .report import Report
from .runtime.version import __version__
from .scan_file import ScanFile
from .scanning import scan
from .spanning import scan_sessions
from .training import train

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
