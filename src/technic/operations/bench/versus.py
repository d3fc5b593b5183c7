"""One thing held against another: like with like, and no time where the answers differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from technic.errors import ConfigError, install_hint
from technic.operations.bench import baseline_symbol
from technic.operations.bench.card import measure_card
from technic.operations.bench.ladder import ASKED
from technic.operations.bench.markets import Market, sample
from technic.operations.bench.ratios import ROUNDS, Ratio, compared
from technic.operations.bench.targets import Measurement
from technic.operations.bench.timing import run_in_process
from technic.scanner.scan import scan
from technic.scanner.spec.scan_file import ScanFile

LOOP_SYMBOLS = 10
LOOP = """
from hashlib import blake2b
from statistics import median
import technic as tc
from technic.indicators.kernel.program import compile_program
from technic.indicators.kernel.run import advance
from technic.operations.bench.ladder import ASKED
from technic.operations.bench.timing import milliseconds
from technic.runtime.settings import Settings
from technic.scanner.spec.question import resolve_question
panel, kernels = tc.open_store({store!r}).panel().panel, Settings.load().kernels
program = compile_program(list(resolve_question(ASKED).series))
made = lambda: advance(program, panel, kernels, threads=1)
ms = median(milliseconds(made, {runs}))
result = [ms, blake2b(made().values.tobytes()).hexdigest()]
"""
# What the older scan and this one both compute, by the same definition.
SHARED = {
    "ret_5d": "ret(5)",
    "ret_21d": "ret(21)",
    "SMA20": "sma(20)",
    "SMA50": "sma(50)",
    "Close": "close",
}
NEAR = 1e-9  # relative
VOLUME = 100_000.0
MIXED = 40  # questions
KNOWN_SHARE, REPEATED_SHARE = 0.25, 0.5


def ray_against_threads(rows: list[dict[str, Any]]) -> Measurement:
    """Ray against a thread pool: as many workers, as many symbols.

    Parameters
    ----------
    rows : of `pools`
    """
    largest = max((row["symbols"] for row in rows), default=0)
    taken = {row["executor"]: row["rounds"] for row in rows if row["symbols"] == largest}
    workers = [
        int(url.rpartition(":")[2])
        for url in taken
        if url.startswith("ray:") and f"threads:{url.rpartition(':')[2]}" in taken
    ]
    if not workers:
        return Measurement(f"no Ray here: {install_hint('ray')}")
    most = max(workers)
    pair = zip(taken[f"threads:{most}"], taken[f"ray://local:{most}"], strict=True)
    ratio = Ratio(tuple(threads / ray for threads, ray in pair))
    return Measurement(f"{most} workers, {largest} symbols of pandas work: {ratio}", ratio.value)


def compiled_against_plain(market: Market, runs: int = 3) -> Measurement:
    """The loop of a question's features: compiled, and the same definitions run as plain Python."""
    store = str(market.sized(LOOP_SYMBOLS).folder)
    fast, slow = LOOP.format(store=store, runs=20 * runs), LOOP.format(store=store, runs=1)
    rounds, values = [], set()
    for _ in range(ROUNDS):
        plain = run_in_process(slow, {**market.environment(), "NUMBA_DISABLE_JIT": "1"})["result"]
        quick = run_in_process(fast, market.environment())["result"]
        rounds.append(plain[0] / quick[0])
        values |= {plain[1], quick[1]}
    if len(values) > 1:
        return Measurement("not compared: the two give other values")
    ratio = Ratio(tuple(rounds))
    return Measurement(f"itself as plain Python, the same bits, one thread: {ratio}", ratio.value)


def database_against_csv(market: Market) -> Measurement:
    """Symbols with some volume: from the catalog, and from a CSV file row by row."""
    try:
        pd = baseline_symbol.pandas_or_refuse()
    except ConfigError:
        return Measurement(f"no pandas here: {install_hint('bench')}")
    volumes = market.bars.group_by("symbol").agg(pl.col("volume").tail(20).mean())
    path = market.folder / "universe.csv"
    market.store.load_universe().join(volumes, on="symbol", how="left").write_csv(path)

    def read() -> list[str]:
        # NA is a symbol, and no missing one.
        table = pd.read_csv(path, keep_default_na=False, na_values={"volume": [""]})
        return [row["symbol"] for _, row in table.iterrows() if row["volume"] >= VOLUME]

    chosen = market.store.load_universe(min_volume=VOLUME)["symbol"].to_list()
    if sorted(read()) != sorted(chosen):
        return Measurement("not compared: the two give other symbols")
    ratio = compared(read, lambda: market.store.load_universe(min_volume=VOLUME), 3)
    return Measurement(
        f"a CSV row by row, {len(chosen):,} symbols either way: {ratio}", ratio.value
    )


def older_against_ours(
    per_symbol: Sequence[tuple[float, float]], values: int, differing: int
) -> Measurement:
    """The scan that was there before, per symbol; nothing where shared values differ.

    Parameters
    ----------
    per_symbol : of each round, µs that the older scan and this one take for a symbol
    values, differing : as `shared_values` gives them
    """
    if differing or not values:
        return Measurement(f"not compared: {differing} of {values} shared values differ")
    ratio = Ratio(tuple(theirs / ours for theirs, ours in per_symbol))
    return Measurement(f"{values} of {values} shared values are equal: {ratio}", ratio.value)


def shared_values(market: Market, cache: Any, count: int = 40) -> tuple[int, int]:
    """How many values of some symbols both scans give, and how many of those differ."""
    asked = ScanFile(rank="close", columns=tuple(SHARED.values()), top=len(market.symbols))
    report = scan(market.store, file=asked, settings=market.settings.uncached())
    ours = {row.symbol: row.values for row in report.shown}
    values = differing = 0
    for symbol in sample(sorted(ours), count):
        bars = cache[cache["Symbol"] == symbol].set_index("Date")
        theirs = baseline_symbol.features(bars, intended=True)
        for name, expression in SHARED.items():
            one, other = theirs[name], ours[symbol][expression]
            if not np.isfinite(one) or other is None:
                continue
            values += 1
            differing += not np.isclose(one, float(other), rtol=NEAR, atol=1e-12)
    return values, differing


def card_against_processor(runs: int = 3) -> Measurement:
    """A model's forecasts on the graphics card and here; nothing where they differ."""
    found = measure_card(runs)
    if found["card"] is None:
        return Measurement(str(found["why"]))
    row = found["rows"][-1]
    if not row["equal"]:
        return Measurement("not compared: the card gives other bits")
    return Measurement(f"{row['times']:.1f} × on {found['card']}, the same bits", row["times"])


def hits_of_a_mix(market: Market, seed: int = 0) -> Measurement:
    """How many look-ups find something kept, over questions new and repeated.

    Half of the questions were asked before, a quarter are new ones over known features, a quarter
    read a feature that nobody has asked for.
    """
    rng = np.random.default_rng(seed)
    asked: list[ScanFile] = []
    lookups = hits = 0.0
    for k in range(MIXED):
        draw = rng.random()
        if asked and draw < REPEATED_SHARE:
            file = asked[int(rng.integers(len(asked)))]
        elif asked and draw < REPEATED_SHARE + KNOWN_SHARE:
            file = _question(float(k), "sma(50)")
        else:
            file = _question(float(k), f"wma({60 + k})")
        asked.append(file)
        work = scan(market.store, file=file, settings=market.settings).work
        lookups += sum(n for name, n in work.items() if name.endswith(("hits", "misses")))
        hits += sum(n for name, n in work.items() if name.endswith("hits"))
    if not lookups:
        return Measurement("nothing is kept here")
    share = 100.0 * hits / lookups
    return Measurement(f"{share:.0f} % of {lookups:.0f} look-ups of {MIXED} questions", share)


def _question(bound: float, feature: str) -> ScanFile:
    return ScanFile(where=f"close > {feature} and rsi(14) > {bound / 100}", rank=ASKED.rank, top=50)
