"""Faults of a simulated vendor: what can go wrong, on purpose, repeatably.

A plan draws at most one fault for a request, from its seed, the request and how often it was
asked before; so a run can be repeated, and a retry can meet a healthy vendor. Three kinds:

transport   done to the connection, by the proxy in front (`proxy.py`)
answer      done to the whole answer: status, envelope, encoding, pages
data        done to rows that look healthy otherwise; those of a day that is not over are in
            `live_faults.py`
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import orjson

from technic.data.simulated.dialect import Answer, Request
from technic.data.simulated.differences import DIFFERENCES
from technic.data.simulated.live_faults import LIVE, SNAPSHOT_ROWS
from technic.errors import ConfigError

TRANSPORT = ("refuse", "hang_before", "hang_after", "trickle", "reset", "short_body", "slow_accept")
Row = dict[str, Any]
NOT_JSON = ("NaN", "1e999", "-Infinity")


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
        return ANSWERS[fault.name](answer, fault, request)
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


def encode(content: Any) -> bytes:
    """JSON, with `NOT_JSON` numbers written as vendors do that should not."""
    body = orjson.dumps(content)
    for token in NOT_JSON:
        body = body.replace(f'"__{token}__"'.encode(), token.encode())
    return body.replace(b'"__dup__":', b'"c":')


def _status(
    status: int, body: bytes, kind: str = "application/json", **headers: str
) -> Callable[[Answer, Fault, Request], Answer]:
    def apply(_answer: Answer, _fault: Fault, _request: Request) -> Answer:
        return Answer(status, body, kind, dict(headers))

    return apply


def _in_envelope(
    change: Callable[[Any, Request], None],
) -> Callable[[Answer, Fault, Request], Answer]:
    """A fault in the decoded envelope."""

    def apply(answer: Answer, _fault: Fault, request: Request) -> Answer:
        if answer.status != 200 or answer.kind != "application/json":
            return answer
        content = orjson.loads(answer.body)
        if isinstance(content, dict):
            change(content, request)
        return Answer(200, orjson.dumps(content), headers=answer.headers)

    return apply


def _bytes(change: Callable[[bytes, Fault], bytes]) -> Callable[[Answer, Fault, Request], Answer]:
    def apply(answer: Answer, fault: Fault, _request: Request) -> Answer:
        if answer.status != 200:
            return answer
        return Answer(200, change(answer.body, fault), answer.kind, answer.headers)

    return apply


def _headers(**headers: str) -> Callable[[Answer, Fault, Request], Answer]:
    def apply(answer: Answer, _fault: Fault, _request: Request) -> Answer:
        return Answer(answer.status, answer.body, answer.kind, {**answer.headers, **headers})

    return apply


def _cut(body: bytes, fault: Fault) -> bytes:
    return body[: int(fault.rng.integers(1, max(len(body) - 1, 2)))]


def _garble(body: bytes, fault: Fault) -> bytes:
    at = int(fault.rng.integers(1, max(len(body) - 1, 2)))
    return body[:at] + b"\x00}{" + body[at + 3 :]


def _repeat_page(content: Any, request: Request) -> None:
    if "next_url" in content:
        cursor = request.params.get("cursor")
        same = f"?cursor={cursor}" if cursor else ""
        content["next_url"] = f"{request.host}{request.path}{same}"


def _next_host(host: str) -> Callable[[Any, Request], None]:
    def change(content: Any, _request: Request) -> None:
        if "next_url" in content:
            path = content["next_url"].split("/", 3)[3]
            content["next_url"] = f"{host}/{path}"

    return change


def _miscount(content: Any, _request: Request) -> None:
    for name in ("resultsCount", "count"):
        if name in content:
            content[name] += 7


TOO_MANY = b'{"status":"ERROR","error":"You\'ve exceeded the maximum requests per minute."}'
PAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
ANSWERS: dict[str, Callable[[Answer, Fault, Request], Answer]] = {
    "http_429": _status(429, TOO_MANY),
    "http_429_empty": _status(429, b""),
    "http_429_after": _status(429, TOO_MANY, **{"Retry-After": "1"}),
    "http_429_garbage": _status(429, TOO_MANY, **{"Retry-After": "-7 bananas"}),
    "http_500": _status(500, b'{"status":"ERROR","error":"internal"}'),
    "http_502": _status(502, PAGE, "text/html"),
    "http_503": _status(503, b"", "text/plain"),
    "html200": _status(200, PAGE, "text/html"),
    "empty200": _status(200, b""),
    "truncated_json": _bytes(_cut),
    "bad_json": _bytes(_garble),
    "bom": _bytes(lambda body, _fault: b"\xef\xbb\xbf" + body[: len(body) // 2]),
    "bad_gzip": _headers(**{"Content-Encoding": "gzip"}),
    "no_results": _in_envelope(lambda content, _request: content.pop("results", None)),
    "null_results": _in_envelope(
        lambda content, _request: content.update(dict.fromkeys(content.keys() & {"results"}))
    ),
    "status_error": _in_envelope(
        lambda content, _request: content.update(status="ERROR", results=[], resultsCount=0)
    ),
    "count_mismatch": _in_envelope(_miscount),
    "page_loop": _in_envelope(_repeat_page),
    "foreign_next_url": _in_envelope(_next_host("https://evil.example")),
    "downgrade_next_url": _in_envelope(_next_host("http://api.massive.com:1")),
    "cursor_expired": lambda answer, _fault, request: (
        Answer(400, b'{"status":"ERROR","error":"cursor has expired"}')
        if "cursor" in request.params
        else answer
    ),
    "redirect_foreign": _status(302, b"", Location="https://evil.example/steal"),
}


def _on_some(
    change: Callable[[Row, np.random.Generator], None], share: float = 0.02
) -> Callable[[list[Row], np.random.Generator], list[Row]]:
    """A fault in some rows, at least one."""

    def apply(rows: list[Row], rng: np.random.Generator) -> list[Row]:
        count = max(1, round(share * len(rows)))
        for i in rng.choice(len(rows), count, replace=False).tolist():
            rows[i] = dict(rows[i])
            change(rows[i], rng)
        return rows

    return apply


def _set(*names: str, value: Any) -> Callable[[Row, np.random.Generator], None]:
    def change(row: Row, _rng: np.random.Generator) -> None:
        for name in names:
            if name in row:
                row[name] = value

    return change


def _scale(factor: float, *names: str) -> Callable[[Row, np.random.Generator], None]:
    def change(row: Row, _rng: np.random.Generator) -> None:
        for name in names:
            if isinstance(row.get(name), int | float):
                row[name] = row[name] * factor

    return change


def _texts(row: Row, _rng: np.random.Generator) -> None:
    for name in ("o", "h", "l", "c", "v"):
        if name in row:
            row[name] = str(row[name])


def _corrupt_ticker(row: Row, rng: np.random.Generator) -> None:
    for name in ("T", "ticker"):
        if name in row:
            bad = (
                "\x00HTLB",
                "<img src=x onerror=alert(1)>",
                "=cmd|' /C calc'!A0",
                "../../x",
                "\u202eAAPL",
            )
            row[name] = bad[int(rng.integers(len(bad)))]


def _other_day(row: Row, _rng: np.random.Generator) -> None:
    if "t" in row and isinstance(row["t"], int):
        row["t"] -= 366 * 86_400_000


def _double_rows(rows: list[Row], rng: np.random.Generator) -> list[Row]:
    """The same rows twice, as vendors do."""
    return rows + [rows[i] for i in rng.choice(len(rows), max(1, len(rows) // 50)).tolist()]


def _add_conflict(rows: list[Row], rng: np.random.Generator) -> list[Row]:
    """Two rows for one bar that do not agree."""
    i = int(rng.integers(len(rows)))
    other = dict(rows[i])
    for name in ("c", "split_to", "cash_amount"):
        if isinstance(other.get(name), int | float):
            other[name] *= 1.5
    if "h" in other:
        other["h"] = max(other["h"], other["c"])
    return [*rows, other]


def _drop_rows(share: float) -> Callable[[list[Row], np.random.Generator], list[Row]]:
    def apply(rows: list[Row], rng: np.random.Generator) -> list[Row]:
        keep = rng.random(len(rows)) >= share
        keep[int(rng.integers(len(rows)))] = False
        return [row for row, stays in zip(rows, keep.tolist(), strict=True) if stays]

    return apply


def _invert_split(row: Row, _rng: np.random.Generator) -> None:
    if "split_from" in row:
        row["split_from"], row["split_to"] = row["split_to"], row["split_from"]


ROWS: dict[str, Callable[[list[Row], np.random.Generator], list[Row]]] = {
    "nan_values": _on_some(_set("c", "v", value="__NaN__")),
    "infinite_values": _on_some(_set("h", "v", value="__1e999__")),
    "huge_ints": _on_some(_set("v", value=2**60 + 1)),
    "string_numbers": _on_some(_texts),
    "null_values": _on_some(_set("o", "split_to", "cash_amount", value=None)),
    "negative_price": _on_some(_scale(-1.0, "l", "o")),
    "zero_price": _on_some(_set("o", "h", "l", "c", value=0)),
    "outside_range": _on_some(_scale(3.0, "c")),
    "dup_rows": _double_rows,
    "dup_keys": _on_some(lambda row, _rng: row.update({"__dup__": 1.0})),
    "conflict_rows": _add_conflict,
    "wrong_day_rows": _on_some(_other_day),
    "corrupt_ticker": _on_some(_corrupt_ticker),
    "drop_rows": _drop_rows(0.01),
    "drop_half": _drop_rows(0.5),
    "double_volume": _on_some(_scale(2.0, "v"), 1.0),
    "price_100x": _on_some(_scale(100.0, "o", "h", "l", "c", "vw"), 0.005),
    "split_inverted": _on_some(_invert_split, 0.2),
}
# One answer for one symbol cannot show these; whole-market days show `drop_half`, and asking
# again shows them all.
UNDETECTABLE = ("drop_rows", "drop_half", "price_100x")
