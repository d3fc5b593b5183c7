"""technic scans the whole US stock market: which stocks, in which order, and why.

>>> import technic as tc
>>> store = tc.open_store("market")                                     # doctest: +SKIP
>>> store.import_bars("bars.parquet", adjusted="none")                  # doctest: +SKIP
>>> report = tc.scan(store, where="rsi(14) < 30 and close > sma(200)")  # doctest: +SKIP
>>> report.rows, report.ledger, report.manifest                         # doctest: +SKIP
"""

from lazy_loader import attach_stub

# Imported when first used: `import technic` must not wait for a compiler. The names stand in the stub.
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
