"""Faults of a simulated vendor: what can go wrong, on purpose, repeatably.

A plan draws at most one fault for a request, from its seed, the request and how often it was
asked before; so a run can be repeated, and a retry can meet a healthy vendor. Three kinds:

transport   done to the connection, by the proxy in front (`proxy`)
answer      done to the whole answer: status, envelope, encoding, pages (`answer_faults`)
data        done to rows that look healthy otherwise (`row_faults`), or to those of a day that is
            not over (`live_faults`)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import orjson

from technic.data.simulated.answer_faults import ANSWERS
from technic.data.simulated.dialect import Answer, Request
from technic.data.simulated.differences import DIFFERENCES
from technic.data.simulated.live_faults import LIVE, SNAPSHOT_ROWS
from technic.data.simulated.row_faults import ROWS, encode
from technic.errors import ConfigError

FAULT_HEADER = "x-sim-fault"  # in which the proxy in front tells what it has drawn
TRANSPORT = ("refuse", "hang_before", "hang_after", "trickle", "reset", "short_body", "slow_accept")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, drawn for one request.

    Attributes
    ----------
    name : in `TRANSPORT`, `ANSWERS`, `ROWS` or `LIVE`
    seed : decides where it strikes
    args : of the rule that drew it
    """

    name: str
    seed: int
    args: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rng(self) -> np.random.Generator:
        """Decides where it strikes; the same for the same seed."""
        return np.random.default_rng(self.seed)


@dataclass(frozen=True, slots=True)
class Rule:
    """When a fault strikes.

    Attributes
    ----------
    faults : names, of which one is drawn evenly
    endpoint : a part of the path; empty for all
    probability : per request
    attempts : only while a request was asked at most so often
    args : handed to the fault
    """

    faults: tuple[str, ...]
    endpoint: str = ""
    probability: float = 1.0
    attempts: int = 1
    args: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class FaultPlan:
    """Which faults strike when.

    Attributes
    ----------
    rules : the first that strikes counts
    seed : of the draws; the same seed and requests meet the same faults
    differences : what is done otherwise in every answer; names in `differences.DIFFERENCES`
    lock : held while counts change
    attempts : how often each request was made
    struck : how often each fault was drawn
    """

    rules: tuple[Rule, ...] = ()
    seed: int = 0
    differences: tuple[str, ...] = ()
    attempts: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock)

    def draw(self, target: str) -> Fault | None:
        """The fault for one request, `path?query`."""
        with self.lock:
            self.attempts[target] += 1
            attempt = self.attempts[target]
            for i, rule in enumerate(self.rules):
                if rule.endpoint not in target or attempt > rule.attempts:
                    continue
                text = f"{self.seed}|{i}|{attempt}|{target}"
                drawn = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
                rng = np.random.default_rng(drawn)
                if rng.random() < rule.probability:
                    name = rule.faults[int(rng.integers(len(rule.faults)))]
                    self.struck[name] += 1
                    return Fault(name, drawn, rule.args)
        return None

    @property
    def has_transport(self) -> bool:
        """Whether a proxy is needed."""
        return any(name in TRANSPORT for rule in self.rules for name in rule.faults)


def read_plan(path: Path) -> FaultPlan:
    """Read a plan from a JSON file: `{"seed": 1, "rules": [{"faults": ["reset"], …}]}`.

    Beside rules, or instead of them, it may name `differences` that are always in force.

    Raises
    ------
    ConfigError
        If the file cannot be read or names an unknown fault or difference.
    """
    try:
        content = orjson.loads(path.read_bytes())
        rules = tuple(
            Rule(**{**rule, "faults": tuple(rule["faults"])}) for rule in content.get("rules", ())
        )
        others = tuple(content.get("differences", ()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(f"{path}: no plan of faults: {error}") from error
    names = {*TRANSPORT, *ANSWERS, *ROWS, *LIVE}
    if unknown := sorted({n for rule in rules for n in rule.faults} - names):
        raise ConfigError(
            f"{path}: unknown faults {', '.join(unknown)}; there are {', '.join(sorted(names))}"
        )
    if unknown := sorted(set(others) - set(DIFFERENCES)):
        raise ConfigError(
            f"{path}: unknown differences {', '.join(map(str, unknown))}; there are "
            f"{', '.join(sorted(DIFFERENCES))}"
        )
    return FaultPlan(rules, int(content.get("seed", 0)), others)


def chaos(seed: int, level: float = 0.2, faults: tuple[str, ...] | None = None) -> FaultPlan:
    """A plan under which each request meets one fault with probability `level`.

    Parameters
    ----------
    faults : names of those drawn from; all by default
    """
    names = faults or (*TRANSPORT, *ANSWERS, *ROWS)
    return FaultPlan((Rule(tuple(names), probability=level, attempts=1 << 30),), seed)


def afflict(answer: Answer, fault: Fault, request: Request) -> Answer:
    """Do to an answer what a fault says; faults that do not fit leave it as it is."""
    if fault.name in ANSWERS:
        return ANSWERS[fault.name](answer, fault.rng, request)
    change = ROWS.get(fault.name) or SNAPSHOT_ROWS.get(fault.name)
    if change is not None and answer.status == 200 and answer.kind == "application/json":
        content = orjson.loads(answer.body)
        keys = ("tickers",) if fault.name in SNAPSHOT_ROWS else ("results", "bars")
        key = next((key for key in keys if key in content), "")
        if isinstance(content.get(key), list) and content[key]:
            content[key] = change(content[key], fault.rng)
            for name in ("resultsCount", "queryCount", "count"):
                if name in content:
                    content[name] = len(content[key])
            return Answer(200, encode(content), headers=answer.headers)
    return answer
