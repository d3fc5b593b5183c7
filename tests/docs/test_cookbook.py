"""The scans of the cookbook run."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.data.simulated.statements import statements
from technic.scanner.scan import scan
from technic.scanner.spec.scan_file import ScanFile

COOKBOOK = Path(__file__).parents[2] / "docs/guides/cookbook.md"


def test_the_ten_scans_of_the_cookbook_run(tmp_path, kernels):
    text = COOKBOOK.read_text(encoding="utf-8")
    files = [
        ScanFile.of(tomllib.loads(block), "cookbook")
        for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    ]
    assert len(files) == 10
    market = simulate(seed=21, size=250, sessions=300)
    store = FileStore(tmp_path / "store")
    store.import_bars(market.bars, simulated=market.about)
    store.import_listings(market.listings)
    store.import_filings(statements(market.bars, market.listings, 21))
    for file in files:
        report = scan(store, file=file)
        assert sum(report.ledger_book.counts().values()) == report.ledger_book.total, file.name
