"""Files of filings that were damaged at random: refused in one line, or every number accounted for."""

from __future__ import annotations

import random

import polars as pl
import pytest

from support.cases import mostly_slow
from technic.data.ingest import open_store
from technic.errors import TechnicError

NAMES = ("symbol", "as_of", "period_end", "form", "period", "fiscal_year", "currency", "revenue", "net_income", "eps", "shares", "assets")  # fmt: skip
ROWS = [
    ("ACME", "2024-02-08", "2023-12-31", "10-K", "FY", "2023", "USD", "880000000", "88000000", "1.1", "80000000", "820000000"),
    ("ACME", "2024-02-09", "2023-09-30", "10-Q", "Q3", "2023", "USD", "230000000", "20000000", "0.25", "80000000", "810000000"),
    ("BOLT", "2024-02-12", "2023-12-31", "10-K", "FY", "2023", "USD", "90000000", "-8000000", "-0.5", "16000000", "120000000"),
    ("NOBODY", "2024-02-12", "2023-12-31", "10-K", "FY", "2023", "USD", "1", "2", "3", "4", "5"),
]  # fmt: skip
CELLS = (
    "", "-", "n/a", "12 apples", "1,234", "1.234,5", "(5)", "-0", "1e400", "nan", "inf", "9" * 30, "2024-02-30",
    "03/02/2024", "13/13/2024", "20240213", "1707860400", "2024-02-13T16:40:00-05:00", "0001-01-01", "Q5", "fy",
    "10-KT", "10-Q/A", "EUR", "thousands", "\u202e", "'; DROP TABLE facts", "é", "=1+1", "A" * 300, "BRK/B", "??",
)  # fmt: skip
FILES = 120


def mutated(rng):
    """A file's bytes: cells exchanged, rows repeated or shuffled, columns lost, separators, quotes."""
    table = [list(row) for row in ROWS]
    for _ in range(rng.randrange(5)):
        rng.choice(table)[rng.randrange(len(NAMES))] = rng.choice(CELLS)
    table += [list(rng.choice(table)) for _ in range(rng.randrange(3))]
    rng.shuffle(table)
    names = list(NAMES)
    if rng.random() < 0.3:
        k = rng.randrange(len(names))
        change = rng.choice(["lost", "renamed", "twice"])
        if change == "lost":
            names.pop(k)
            for row in table:
                row.pop(k)
        else:
            names[k] = "strange" if change == "renamed" else rng.choice(NAMES)
    sign = rng.choice([",", ",", ";", "\t", "|"])
    quoted = rng.random() < 0.3
    lines = [sign.join(f'"{cell}"' if quoted or sign in cell else cell for cell in row) for row in [names, *table]]  # fmt: skip
    body = rng.choice(["\n", "\n", "\r\n"]).join(lines).encode(rng.choice(["utf-8", "utf-8", "utf-16"]))  # fmt: skip
    if rng.random() < 0.15:
        at = rng.randrange(len(body))
        body = body[:at] + rng.randbytes(3) + body[at + rng.randrange(20) :]
    return body


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = open_store(tmp_path_factory.mktemp("mutated") / "store")
    made.import_bars(
        pl.DataFrame({"symbol": ["ACME", "BOLT"] * 2, "date": ["2024-02-08"] * 2 + ["2024-02-13"] * 2, "open": 40.0, "high": 41.0, "low": 39.0, "close": 40.0, "volume": 1e6})
    )  # fmt: skip
    return made


@pytest.mark.parametrize("seed", mostly_slow(range(4), daily=[1]))
def test_no_damage_ends_in_anything_but_an_answer_or_one_line(store, tmp_path, seed):
    rng = random.Random(seed)
    path = tmp_path / "filings.csv"
    kept = refused = 0
    for _ in range(FILES // 4):
        path.write_bytes(mutated(rng))
        try:
            taken = store.import_filings(path)
        except TechnicError as error:
            refused += 1
            assert "\n" not in str(error)
            continue
        kept += 1
        assert all(count >= 0 for count in taken.numbers.values())
        assert taken.numbers["set aside"] == sum(taken.quarantined.values())
    assert kept > 5
    assert refused > 1
    facts = store.table("facts").collect()
    assert facts["value"].is_finite().all()
    assert facts["months"].is_in([0, 3, 6, 9, 12]).all()
    assert facts["known_at"].null_count() == 0
