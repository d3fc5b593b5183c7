"""Questions and scan files that nobody would write: an answer or one clear error, nothing else."""

from __future__ import annotations

import json
import random
import tempfile
import time
import tomllib
from collections import Counter
from pathlib import Path

import technic as tc
from technic.compute.kernel import ensure_compiled
from technic.data.simulated import simulate
from technic.errors import TechnicError
from technic.query import names
from technic.query.resolve import Resolver
from technic.runtime.settings import Settings
from technic.runtime.toml_file import read_toml

from .patience import BUSY

SLOW = 5.0  # seconds that no question may take to be understood
NUMBERS = (
    *("0", "1", "2", "14", "200", "2520", "2521", "1e999", "-1", "0.5", "5%", "1_0", "1e-320"),
    *("10M", "99999999999999999999", "1e15", "1e308B", "3.5", ".5", "1.", "0e0", "1K"),
)
TEXTS = ("'AAPL'", '"x"', "''", "'Energy'", "'a\tb'", "'" + "z" * 90 + "'", "'\u202e'", "'é'")
ODD = ("inf", "nan", "$p", "$q", "true", "false", "lets", "a3", "let.a", "__class__", "by", "=")
VALUES = (
    *(None, True, 0, -1, 3, 2**70, 1e308, float("inf"), float("nan"), "", "x", "close", "1%", "2R"),
    *("infR", [], ["close"], [1], [[]], {}, {"x": 1}, {"default": 1}, {"default": "1"}, "10bps"),
    *(
        "9" * 400 + "bps",
        [{"expr": "close"}],
        [{"expr": 1}],
        "next_open",
        "22:00-07:00",
        "5d",
        "\0",
    ),
)
SECTIONS = {
    "rank": ("score", "missing", "expr"),
    "plan": ("side", "account", "risk", "max_heat", "max_adv", "max_positions", "leverage",
             "entry", "stop", "target"),
    "alert": ("on", "crossed", "debounce", "cooldown", "quiet", "to"),
    "backtest": ("from", "to", "rebalance", "hold", "buffer", "cost", "commission", "borrow",
                 "delisting"),
    "params": ("p", "q"),
    "let": ("a1", "a2", "a3"),
}  # fmt: skip
KEYS = ("name", "top", "columns", "universe", "where", "benchmark", "description", "symbols")


def question(rng: random.Random, kind: str = names.NUMBER, depth: int = 5) -> str:
    """A text that is mostly a question: in one place of fifty something stands that may not."""
    if rng.random() < 0.02:
        kind = rng.choice((names.NUMBER, names.TRUTH))
    if rng.random() < 0.01:
        return rng.choice(rng.choice((NUMBERS, TEXTS, ODD, tuple(names.everything()))))
    if depth <= 0 or rng.random() < 0.2:
        return (
            rng.choice(("close", "volume", "rsi(14)", "14", "2", "50", "sma(20)", "gap"))
            if (kind == names.NUMBER)
            else rng.choice(("close > 3", "true", "is_common", "rsi(7) < 50"))
        )
    return _truth(rng, depth) if kind == names.TRUTH else _number(rng, depth)


def _number(rng: random.Random, depth: int) -> str:
    a, b = (question(rng, names.NUMBER, depth - rng.choice((1, 2, 3))) for _ in range(2))
    n = rng.choice(("1", "2", "5", "14", "60", "2520", rng.choice(NUMBERS)))
    temporal = rng.choice(("sma", "ema", "lowest", "highest", "rsi", "roc", "zscore", "pct_rank"))
    return rng.choice((
        f"{a} {rng.choice('+-*/')} {b}", f"-{a}", f"({a})", f"({a})[{n}]", f"abs({a})",
        f"sqrt({a})", f"max({a}, {b})", f"min({a}, {b})", f"coalesce({a}, {b})",
        f"{temporal}({a}, {n})", f"{temporal}({n})", f"pct_rank({a})", f"zscore({a}, by=sector)",
        f"weekly({a})", f"monthly({a})", f"winsorize({a}, 0.05)", f"quantile({a}, {n})",
        f"count({question(rng, names.TRUTH, depth - 2)}, {n})", "rating", "alpha", "market_cap",
        " + ".join([a] * rng.choice((2, 33, 120))) if len(a) < 20 else a,
        rng.choice(tuple(names.OUTPUTS)), f"{rng.choice(tuple(names.OUTPUTS))}({n})",
        f"{rng.choice(tuple(names.OUTPUTS))}(n={n})", f"news_count({n})", "python('x')",
    ))  # fmt: skip


def _truth(rng: random.Random, depth: int) -> str:
    a, b = (question(rng, names.NUMBER, depth - 2) for _ in range(2))
    p, q = (question(rng, names.TRUTH, depth - rng.choice((1, 2))) for _ in range(2))
    return rng.choice((
        f"{a} {rng.choice(('<', '<=', '>', '>=', '==', '!='))} {b}", f"{a} < {b} <= {a}",
        f"{p} and {q}", f"{p} or {q}", f"not {p}", f"({p})", f"{a} between {b} and {a}",
        f"{a} {rng.choice(('in', 'not in'))} ({a}, {b})", f"within(5, {p})", f"is_known({a})",
        f"{a} {rng.choice(('crosses_above', 'crosses_below'))} {b}", "sector == 'Energy'",
        f"sector in ({rng.choice(TEXTS)}, 'Technology')", "in_list('mine')", f"coalesce({p}, {q})",
        " and ".join([p] * rng.choice((2, 33))) if len(p) < 30 else p,
    ))  # fmt: skip


def mutated(rng: random.Random, text: str) -> str:
    """The text with a few characters lost, doubled or strange."""
    characters = list(text)
    for _ in range(rng.choice((0, 0, 1, 3))):
        at = rng.randrange(len(characters) + 1)
        match rng.randrange(3):
            case 0:
                del characters[at : at + rng.randrange(1, 4)]
            case 1:
                characters[at:at] = rng.choice(
                    ("(", ")", "'", "\0", "\u2028", "#", "[", "☃", " or ")
                )
            case _:
                characters[at:at] = characters[max(0, at - 9) : at]
    return "".join(characters)


def scan_content(rng: random.Random) -> dict:
    """What a scan file might hold: mostly of the right kind, somewhere not."""
    good = {
        "universe": question(rng, names.TRUTH, 2), "where": question(rng, names.TRUTH, 3),
        "rank": question(rng, names.NUMBER, 3), "columns": [question(rng, depth=2)], "top": 5,
        "name": "fuzzed", "let": {"a1": question(rng, depth=2), "a2": "a1 + a1"},
        "params": {"p": {"default": 3, "min": 1, "max": 9}}, "plan": {"risk": "1%", "target": "3R"},
        "backtest": {"hold": 5, "cost": "10bps"}, "alert": {"on": ["entered"], "cooldown": "1d"},
    }  # fmt: skip
    content: dict = {key: good[key] for key in rng.sample(sorted(good), rng.randrange(len(good)))}
    for _ in range(rng.choice((0, 0, 1, 2))):
        section = rng.choice((*SECTIONS, *KEYS))
        if section in SECTIONS and rng.random() < 0.8:
            here = content.setdefault(section, {})
            if isinstance(here, dict):
                here[rng.choice(SECTIONS[section])] = rng.choice(VALUES)
        else:
            content[section] = rng.choice(VALUES)
    if rng.random() < 0.1:
        twice = rng.choice(("{0} + {0}", "max({0}, {0})", "({0})[1]"))
        content["let"] = {"a0": "close"} | {
            f"a{k}": twice.format(f"a{k - 1}") for k in range(1, rng.choice((6, 14, 40, 250)))
        }
        content["rank"] = f"a{len(content['let']) - 1}"
    return content


class Tally:
    """Answers, clear errors, and whatever else there was."""

    def __init__(self, slow: float) -> None:
        self.limit = slow
        self.answers = self.refusals = self.slow = 0
        self.others: Counter[str] = Counter()

    def of(self, work) -> None:
        since = time.perf_counter()
        try:
            work()
            self.answers += 1
        except TechnicError as error:
            self.refusals += 1
            if not str(error).strip() or len(str(error)) > 10_000:
                self.others["an error that says nothing, or too much"] += 1
        except Exception as error:  # noqa: BLE001 -- what is looked for
            self.others[f"{type(error).__name__}: {error}"[:120]] += 1
        self.slow += time.perf_counter() - since > self.limit

    def line(self, what: str):
        count = self.answers + self.refusals + sum(self.others.values())
        more = f"{self.answers:,} answers, {self.refusals:,} clear errors"
        if self.others:
            more += "; " + "; ".join(f"{n} × {text}" for text, n in self.others.most_common(5))
        return what, sum(self.others.values()) + self.slow, count, more


def checks_questions(tier: int, seed: int):
    rng, tally = random.Random(seed), Tally(SLOW * BUSY[tier])
    for k in range(200_000 if tier == 2 else 10_000):
        wanted = (names.NUMBER, names.TRUTH)[k % 2]
        text = question(rng, wanted)
        text = mutated(rng, text) if k % 3 == 0 else text
        tally.of(lambda text=text, wanted=wanted: Resolver({}, {"p": 3.0}).question(text, wanted))
    yield tally.line("questions that end in anything but an answer or a clear error")


def checks_scan_files(tier: int, seed: int):
    rng, tally, texts = random.Random(seed), Tally(SLOW * BUSY[tier]), Tally(SLOW * BUSY[tier])
    settings = Settings.load()
    ensure_compiled(settings.kernels)
    with tempfile.TemporaryDirectory(prefix="technic-questions-") as folder:
        store = tc.open_store(Path(folder) / "store")
        market = simulate(seed=seed, size=40, sessions=300)
        store.import_bars(market.bars, simulated=market.about)
        path = Path(folder) / "scan.toml"

        def answered(content: dict) -> None:
            file = tc.ScanFile.of(content, "fuzzed.toml")
            json.dumps(tc.scan(store, file=file, settings=settings.uncached()).manifest)

        def read(text: bytes) -> None:
            path.write_bytes(text)
            tc.ScanFile.of(read_toml(path, required=True), "fuzzed.toml")

        for _ in range(20_000 if tier == 2 else 1_000):
            content = scan_content(rng)
            tally.of(lambda content=content: answered(content))
        preset = b"".join(bytes(text, "utf-8") for text in _presets())
        for _ in range(20_000 if tier == 2 else 1_000):
            at, length = rng.randrange(len(preset)), rng.choice((1, 40, 400))
            cut = bytearray(preset[at : at + length] * rng.choice((1, 1, 300)))
            for _ in range(rng.randrange(4)):
                cut[rng.randrange(len(cut))] = rng.randrange(256)
            texts.of(lambda cut=bytes(cut): read(cut))
        texts.of(lambda: read(b"a = " + b"[" * 5_000))
    yield tally.line("scan files that end in anything but an answer or a clear error")
    yield texts.line("scan files cut and flipped, likewise")


def _presets() -> list[str]:
    from technic.scanner.spec.scan_file import presets

    texts = list(presets().values())
    assert all(tomllib.loads(text) for text in texts)
    return texts


CHECKS = {"questions": checks_questions, "scan-files": checks_scan_files}
