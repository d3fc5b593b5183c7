"""Ten recorded answers: what a question answered before a change of structure it answers after it.

Golden: `golden/answers.json` holds the manifests without the names of the code and the seal,
which covers those. A change that means to change an answer records them anew, and says why:

    python -m pytest tests/scanner/test_recorded_answers.py --record
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

import technic as tc
from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.data.simulated.statements import statements
from technic.scanner.spec.scan_file import ScanFile

GOLDEN = Path(__file__).parent / "golden" / "answers.json"
SEED = 29
QUESTIONS = {
    "default": {},
    "momentum-leaders": {"file": "momentum-leaders"},
    "oversold-quality": {"file": "oversold-quality"},
    "low-volatility-value": {"file": "low-volatility-value"},
    "short-candidates": {"file": "short-candidates"},
    "squeeze": {"file": "squeeze"},
    "clauses": {"where": "rsi(14) < 45 and close > sma(50)", "rank": "-rsi(14)", "universe": "all"},
    "percentiles": {"rank": "0.5 * pct_rank(ret(63)) + 0.5 * pct_rank(ret(21), by = sector)"},
    "the past": {"rank": "rating", "as_of": True},
    "columns": {"columns": ["macd", "bollinger", "pe", "sector"], "top": 7},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory, kernels):
    market = simulate(seed=SEED, size=300, sessions=380)
    made = FileStore(tmp_path_factory.mktemp("golden") / "store")
    made.import_bars(market.bars, simulated=market.about)
    made.import_listings(market.listings)
    made.import_filings(statements(market.bars, market.listings, SEED))
    return made


def answer(store, name: str) -> dict:
    asked = dict(QUESTIONS[name])
    if "file" in asked:
        asked["file"] = ScanFile.preset(asked["file"])
    if asked.pop("as_of", None):
        asked["as_of"] = date.fromisoformat("2026-08-14")
    manifest = tc.scan(store, **asked).manifest
    # The number and name of the store's version hold instants of the clock.
    left_out = {
        "kernel",
        "definitions",
        "graph",
        "seal",
        "store_version",
        "store_number",
        "known_at",
    }
    return {key: value for key, value in manifest.items() if key not in left_out}


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_answer_is_what_it_was(store, name, request):
    now = json.loads(json.dumps(answer(store, name)))
    if request.config.getoption("--record"):
        held = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
        GOLDEN.write_text(json.dumps({**held, name: now}, indent=1, sort_keys=True) + "\n")
    assert now == json.loads(GOLDEN.read_text())[name]
