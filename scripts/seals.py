"""Print the seals of every preset over a simulated market, and of the market itself.

    python scripts/seals.py FOLDER

The store is made in FOLDER unless it is there, so that two Pythons can be asked of the same one.
"""

from __future__ import annotations

import sys
from hashlib import blake2b
from pathlib import Path

import technic as tc
from technic.data.simulated.market import simulate
from technic.data.simulated.statements import statements
from technic.runtime.settings import Settings
from technic.scanner.spec.scan_file import ScanFile, presets


def main() -> None:
    """One line per preset; the market is simulated anew each time, and must be the same bits."""
    market = simulate(seed=3, size=400, sessions=330)
    store = tc.open_store(Path(sys.argv[1]))
    if store.version().last is None:
        store.import_bars(market.bars, simulated=market.about)
        store.import_listings(market.listings)
        store.import_filings(statements(market.bars, market.listings, 3))
    made = blake2b(market.bars.write_csv().encode(), digest_size=16).hexdigest()
    print(f"{made}  simulated market")
    settings = Settings.load().uncached()
    for name in presets():
        report = tc.scan(store, file=ScanFile.preset(name), settings=settings)
        print(f"{report.manifest['seal']}  {name}, {report.n_ranked} ranked")


if __name__ == "__main__":
    main()
