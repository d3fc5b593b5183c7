"""A simulated vendor: keys, plans, virtual clock, log of requests, faults.

`Twin.ask` answers one request: it draws a fault, checks key, rate and plan, asks the dialect of the
path, and does to the answer what the fault says.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from secrets import compare_digest
from time import monotonic
from typing import Any

import orjson

from technic.data.simulated import alpaca_api, edgar_api, massive_api
from technic.data.simulated.dialect import Answer, Refusal, Request, parse_day
from technic.data.simulated.differences import differ_answer, differ_asked
from technic.data.simulated.faults import FAULT_HEADER, TRANSPORT, Fault, FaultPlan, afflict
from technic.data.simulated.live_faults import OLD, OLD_SNAPSHOT
from technic.data.simulated.plans import plan_of
from technic.data.simulated.publications import Publications, evening


@dataclass
class VirtualClock:
    """Virtual time: it stands still unless told to run.

    Attributes
    ----------
    start : the instant at which it was set
    rate : simulated seconds in a real one
    since : real time when it was set, in seconds of a steady clock
    """

    start: datetime
    rate: float = 0.0
    since: float = field(default_factory=monotonic)

    def now(self) -> datetime:
        """The instant it is in the simulated world."""
        return self.start + timedelta(seconds=(monotonic() - self.since) * self.rate)

    def set(self, instant: datetime, rate: float | None = None) -> None:
        """Set it to an instant, and to another rate if one is given."""
        self.rate = self.rate if rate is None else rate
        self.start, self.since = instant, monotonic()


class Twin:
    """A simulated vendor; `ask` is all that a server needs.

    Parameters
    ----------
    tape : what it publishes, and when
    clock : where its clock stands at first; the morning after the last session by default
    plan : see `plan_of`
    faults : what goes wrong; nothing by default
    keys : those that are accepted; any if none is named
    log : file to which every request is written
    """

    def __init__(
        self,
        tape: Publications,
        *,
        clock: datetime | None = None,
        plan: str = "none",
        faults: FaultPlan | None = None,
        keys: tuple[str, ...] = (),
        log: Path | None = None,
    ) -> None:
        self.tape = tape
        self.clock = VirtualClock(clock or evening(tape.sessions[-1]) + timedelta(hours=8))
        self.plan = plan_of(plan)
        self.faults = faults or FaultPlan()
        self.keys = keys
        self.requests: list[dict[str, Any]] = []
        self._log = log
        self._served: deque[float] = deque()
        self._lock = threading.Lock()
        self._warm: dict[tuple[Any, ...], Answer] = {}

    def ask(self, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """The answer to one GET."""
        request = Request(path, dict(query), self.clock.now())
        target = path + ("?" + "&".join(f"{k}={v}" for k, v in query.items()) if query else "")
        fault = self._fault(target, headers)
        if fault is not None and fault.name == OLD_SNAPSHOT:
            request = replace(request, now=request.now - OLD)
        try:
            if request.path.startswith(edgar_api.PATHS):
                _require_contact(headers)
            else:
                self._authorise(request, headers)
            self._ration()
            self._entitle(request)
            answer = self._answer(differ_asked(request, self.faults.differences))
        except Refusal as refusal:
            answer = massive_api.refusal_answer(refusal, request)
        if self.faults.differences:
            answer = differ_answer(answer, request, self.faults.differences)
        if fault is not None and fault.name not in TRANSPORT:
            answer = afflict(answer, fault, request)
        self._note(request, target, answer, fault)
        return answer

    def _fault(self, target: str, headers: Mapping[str, str]) -> Fault | None:
        """As drawn by the proxy in front, if there is one."""
        fault = headers.get(FAULT_HEADER)
        if fault is None:
            return self.faults.draw(target)
        name, _, seed = fault.partition(":")
        return Fault(name, int(seed)) if name else None

    def _answer(self, request: Request) -> Answer:
        """The dialect's answer; the same question at the same instant is encoded once."""
        key = (request.path, tuple(sorted(request.params.items())), request.now)
        answer = self._warm.get(key)
        if answer is None:
            answer = _dialect(request.path).answer(self.tape, request)
            if len(self._warm) > 256:
                self._warm.clear()
            self._warm[key] = answer
        return answer

    def _authorise(self, request: Request, headers: Mapping[str, str]) -> None:
        bearer = headers.get("authorization", "").removeprefix("Bearer ").strip()
        key = bearer or headers.get("apca-api-key-id", "") or request.params.get("apiKey", "")
        if not key:
            raise Refusal(401, {"error": "API Key was not provided"})
        if self.keys and not any(compare_digest(key, good) for good in self.keys):
            raise Refusal(401, {"error": "Unknown API Key"})

    def _ration(self) -> None:
        if not self.plan.calls:
            return
        with self._lock:
            now = monotonic()
            while self._served and now - self._served[0] > self.plan.period:
                self._served.popleft()
            if len(self._served) >= self.plan.calls:
                text = (
                    "You've exceeded the maximum requests per minute, please wait or upgrade "
                    "your subscription to continue."
                )
                raise Refusal(429, {"error": text})
            self._served.append(now)

    def _entitle(self, request: Request) -> None:
        plan, today = self.plan, request.today
        no = "You are not entitled to this data. Please upgrade your plan."
        if not plan.snapshots and ("/snapshot/" in request.path or "/flatfiles/" in request.path):
            raise Refusal(403, {"status": "NOT_AUTHORIZED", "message": no})
        if "/v2/aggs/" not in request.path or request.path.endswith("/prev"):
            return
        last = parse_day(request.path.rsplit("/", 1)[1])
        too_old = plan.history_days and last < today - timedelta(days=plan.history_days)
        if too_old or (last >= today and not plan.today and "/grouped/" in request.path):
            text = "Your plan doesn't include this data timeframe. Please upgrade your plan."
            raise Refusal(403, {"status": "NOT_AUTHORIZED", "message": text})

    def _note(self, request: Request, target: str, answer: Answer, fault: Fault | None) -> None:
        line = {
            "target": target,
            "status": answer.status,
            "bytes": len(answer.body),
            "now": request.now.isoformat(),
            "fault": fault.name if fault else None,
        }
        with self._lock:
            self.requests.append(line)
            if self._log is not None:
                with self._log.open("ab") as handle:
                    handle.write(orjson.dumps(line) + b"\n")


def _dialect(path: str) -> Any:
    """The module of the vendor whose path it is."""
    if path.startswith(edgar_api.PATHS):
        return edgar_api
    return alpaca_api if path in alpaca_api.PATHS else massive_api


def _require_contact(headers: Mapping[str, str]) -> None:
    """Refuse, as EDGAR does, requests that do not say who asks."""
    if "@" not in headers.get("user-agent", ""):
        raise Refusal(403, {"message": "Undeclared Automated Tool"})
