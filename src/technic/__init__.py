"""technic scans the whole US stock market: which stocks, in which order, and why.

A store holds the market, a scan answers one question as of one session, and the report accounts
for every listed symbol. `store.import_bars("bars.parquet")` fills a store; `technic demo` makes
the simulated one that the examples of this package ask.

>>> import technic as tc
>>> store = tc.open_store("demo")
>>> report = tc.scan(store, where="rsi(14) < 60 and close > sma(20)", top=3)
>>> len(report.rows), report.ledger.height == report.ledger_book.total
(3, True)
>>> sorted(report.manifest)[:3]
['answer_digest', 'as_of', 'definitions']
"""

from lazy_loader import attach_stub

# Imported when first used: `import technic` must not wait for a compiler. lazy_loader reads from
# __init__.pyi, at run time, which name comes from which module.
__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)
