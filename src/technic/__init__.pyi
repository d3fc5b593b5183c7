from .compute.history import features
from .data.ingest import open_store
from .errors import TechnicError
from .research.backtest.run import backtest
from .research.evaluation.evaluate import evaluate
from .research.learning.train import train
from .research.track_record import record
from .runtime.version import __version__
from .scanner.columns.attributes import market_regime
from .scanner.inspect.chart import chart
from .scanner.inspect.diff import diff
from .scanner.inspect.explain import explain
from .scanner.inspect.lint import lint
from .scanner.inspect.why_not import why_not
from .scanner.report import Report
from .scanner.scan import scan
from .scanner.scan_sessions import scan_sessions
from .scanner.spec.scan_file import ScanFile

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
