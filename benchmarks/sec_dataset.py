"""A quarter of the SEC's data sets at real size: how long its import takes, and how much memory.

    python benchmarks/sec_dataset.py

Three million made-up numbers of 6,500 filings, in the layout of `sub.txt` and `num.txt`, are
written into a zip and imported in a process of its own, whose time and peak memory are shown.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import zipfile
from datetime import date
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl

from technic.data.formats.sec_facts import COVER, TAGS
from technic.data.ingest import FileStore
from technic.market.sessions import nyse

FILINGS, NUMBERS = 6_500, 3_000_000
MUST_SECONDS, MUST_MB = 30.0, 1_000.0
OTHER_TAGS = 4_000  # that technic does not read
OURS, IN_PARTS = 0.12, 0.35  # of the numbers: under tags that are read, and of parts of a company
SYMBOLS = [f"{a}{b}{c}" for a in "ABCDEFGHIJKLMNOPQRST" for b in "ABCDEFGHIJKLMNOPQRS" for c in "ABCDEFGHIJKLMNOPQRS"][:FILINGS]  # fmt: skip


def write_dataset(path: Path, seed: int = 1) -> None:
    """A data set: a filing per company, and numbers of a year, a quarter and their ends."""
    rng = np.random.default_rng(seed)
    ciks = np.arange(1_000_001, 1_000_001 + FILINGS)
    accessions = np.array([f"{cik:010d}-23-{k:06d}" for k, cik in enumerate(ciks)])
    sub = pl.DataFrame(
        {
            "adsh": accessions, "cik": ciks, "name": [f"COMPANY {k} INC" for k in range(FILINGS)],
            "sic": rng.integers(100, 9_999, FILINGS), "fye": "1231",
            "form": np.where(rng.random(FILINGS) < 0.3, "10-K", "10-Q"), "period": 20230331,
            "fy": 2023, "fp": "Q1", "filed": 20230428 + rng.integers(0, 3, FILINGS),
            "accepted": "2023-04-28 16:40:00.0", "instance": "company-20230331_htm.xml",
        }
    )  # fmt: skip
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("sub.txt", sub.write_csv(separator="\t"))
        with archive.open("num.txt", "w", force_zip64=True) as file:
            for k, share in enumerate(np.array_split(np.arange(NUMBERS), 12)):
                text = _numbers(rng, accessions, len(share)).write_csv(
                    separator="\t", include_header=k == 0, quote_style="never"
                )
                file.write(text.encode())


def _numbers(rng: np.random.Generator, accessions: np.ndarray, n: int) -> pl.DataFrame:
    ours = np.array(TAGS["tag"].to_list())
    others = np.array([f"AnotherQuiteLongNameOfATagInAStatement{k}" for k in range(OTHER_TAGS)])
    tags = np.where(rng.random(n) < OURS, rng.choice(ours, n), rng.choice(others, n))
    is_balance = np.isin(tags, TAGS.filter("balance")["tag"].to_list())
    counts = np.isin(tags, [COVER, "CommonStockSharesOutstanding"])
    parts = np.array(["", "StatementBusinessSegments=TheLargerOfTheTwoSegments;ProductOrService=Widget"])  # fmt: skip
    return pl.DataFrame(
        {
            "adsh": rng.choice(accessions, n), "tag": tags, "version": "us-gaap/2023",
            "ddate": rng.choice([20230331, 20221231, 20220331], n),
            "qtrs": np.where(is_balance, 0, rng.choice([1, 4], n)),
            "uom": np.where(counts, "shares", "USD"),
            "segments": parts[(rng.random(n) < IN_PARTS).astype(int)], "coreg": "",
            "value": np.round(rng.lognormal(17.0, 2.0, n)), "footnote": "",
        }
    )  # fmt: skip


def make_store(folder: Path) -> None:
    """A store in which every company of the data set is listed."""
    store = FileStore(folder)
    day = nyse().day(nyse().last_until(date(2023, 6, 1)))
    prices = dict.fromkeys(("open", "high", "low", "close"), 20.0)
    store.import_bars(pl.DataFrame({"symbol": SYMBOLS, "date": day, "volume": 1e6, **prices}))
    ciks = [str(1_000_001 + k) for k in range(FILINGS)]
    store.import_listings(pl.DataFrame({"symbol": SYMBOLS, "cik": ciks}))


def measure(store: Path, dataset: Path) -> None:
    """In a process of its own: import, and print seconds and megabytes."""
    since = perf_counter()
    taken = FileStore(store).import_filings(dataset)
    took = perf_counter() - since
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(taken.rows, taken.facts, f"{took:.2f}", f"{peak:.0f}")


def main() -> int:
    """Write, import in another process, and say what it took."""
    with tempfile.TemporaryDirectory() as home:
        store, dataset = Path(home) / "store", Path(home) / "2023q2.zip"
        write_dataset(dataset)
        make_store(store)
        done = subprocess.run(
            [sys.executable, __file__, str(store), str(dataset)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        size = dataset.stat().st_size / 1e6
    rows, facts, took, peak = done.stdout.split()
    print(
        f"SEC data set of one quarter: {int(rows):,} numbers ({size:.0f} MB zipped), {int(facts):,} "
        f"stored: {took} s (must {MUST_SECONDS:.0f}), peak {peak} MB (must {MUST_MB:.0f})"
    )
    return int(float(took) > MUST_SECONDS or float(peak) > MUST_MB)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        measure(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        sys.exit(main())
