"""When a change of a scan is worth an alert: pure rules, without a clock or a database.

Of every scan the book remembers who was on its list when somebody was last told. A change is
told once it has held for `debounce` evaluations in a row, and not before `cooldown` has passed
since the same was told of the same security. Nothing is lost between runs: what is compared is
what was told, not what was seen last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from technic.errors import ConfigError
from technic.runtime.section import Section, shown

MOST_LOOKS = 1_000  # that a change may have to hold
KINDS = ("entered", "left", "crossed")
NEW_YORK = ZoneInfo("America/New_York")
UNITS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
KNOWN = {"on", "crossed", "debounce", "cooldown", "quiet", "to"}


@dataclass(frozen=True, slots=True)
class AlertRules:
    """The section [alert] of a scan file.

    Attributes
    ----------
    on : which changes are told: entered, left, crossed
    crossed : questions; who on the list turns from false to true has crossed
    debounce : evaluations in a row that must agree
    cooldown : time before the same is told again of the same security
    quiet : hours of New York in which alerts are kept and not delivered; None for none
    to : names of channels
    """

    on: tuple[str, ...] = ("entered", "left")
    crossed: tuple[str, ...] = ()
    debounce: int = 1
    cooldown: timedelta = timedelta()
    quiet: tuple[time, time] | None = None
    to: tuple[str, ...] = ()

    @classmethod
    def of(cls, content: Any, what: str) -> AlertRules:
        """Read the section as a scan file says it.

        Parameters
        ----------
        content : the section
        what : the file, for messages

        Raises
        ------
        ConfigError
            If it says something that means nothing.
        """
        section = Section.of(content, f"{what}: alert.", KNOWN)
        crossed = section.texts("crossed")
        on = section.texts("on", ("entered", "left"))
        if strange := sorted(set(on) - set(KINDS)):
            raise ConfigError(
                f"{section.what}on knows {', '.join(KINDS)}; got {', '.join(map(shown, strange))}"
            )
        quiet = section.content.get("quiet")
        return cls(
            (*on, "crossed") if crossed and "crossed" not in on else on,
            crossed,
            section.whole("debounce", 1, most=MOST_LOOKS),
            duration(section.text("cooldown", "0s"), f"{section.what}cooldown"),
            None if quiet is None else hours(quiet, f"{section.what}quiet"),
            section.texts("to"),
        )

    def content(self) -> dict[str, Any]:
        """Return the section as a scan file says it; defaults are left out, but for the channels."""
        content: dict[str, Any] = {"to": list(self.to)}
        if self.on != ("entered", "left"):
            content["on"] = list(self.on)
        if self.crossed:
            content["crossed"] = list(self.crossed)
        if self.debounce != 1:
            content["debounce"] = self.debounce
        if self.cooldown:
            content["cooldown"] = f"{int(self.cooldown.total_seconds())}s"
        if self.quiet is not None:
            content["quiet"] = "-".join(f"{end:%H:%M}" for end in self.quiet)
        return content

    def is_quiet(self, now: datetime) -> bool:
        """Return whether nothing is delivered at an instant."""
        if self.quiet is None:
            return False
        begin, end = self.quiet
        local = now.astimezone(NEW_YORK).time()
        return begin <= local < end if begin <= end else local >= begin or local < end

    def deliverable_at(self, now: datetime) -> datetime:
        """Return when an alert of this instant may be delivered: now, or when the quiet ends."""
        if self.quiet is None or not self.is_quiet(now):
            return now
        local, end = now.astimezone(NEW_YORK), self.quiet[1]
        then = datetime.combine(local.date(), end, NEW_YORK)
        if then <= local:
            then = datetime.combine(local.date() + timedelta(days=1), end, NEW_YORK)
        return then.astimezone(now.tzinfo)


def duration(text: Any, what: str) -> timedelta:
    """Read `30m`, `4h` or `5d` as a length of time.

    Raises
    ------
    ConfigError
        If it is none; names the setting.

    Examples
    --------
    >>> duration("90s", "every"), duration("4h", "cooldown")
    (datetime.timedelta(seconds=90), datetime.timedelta(seconds=14400))
    """
    match = re.fullmatch(r"(\d{1,6})\s*([smhd])", str(text).strip())
    if match is None:
        raise ConfigError(f"{what} is a length of time such as 30m, 4h or 5d; got {shown(text)}")
    return timedelta(seconds=int(match[1]) * UNITS[match[2]])


def hours(text: Any, what: str) -> tuple[time, time]:
    """Read `22:00-07:00` as two times of day.

    Raises
    ------
    ConfigError
        If it is none; names the setting.
    """
    match = re.fullmatch(r"(\d\d):(\d\d)\s*-\s*(\d\d):(\d\d)", str(text).strip())
    a, b, c, d = (int(part) for part in match.groups()) if match else (99, 0, 0, 0)
    try:
        return time(a, b), time(c, d)
    except ValueError as error:
        raise ConfigError(
            f"{what} is two times in New York such as 22:00-07:00; got {shown(text)}"
        ) from error


@dataclass(frozen=True, slots=True)
class ScanMembers:
    """Who is on a scan's list now.

    Attributes
    ----------
    members : by security, its symbol
    true, known : by text of a question that may cross, the securities for which it is true, and
        those for which it is known
    unseen : securities without a bar yet on a session that is not over: they keep their places
    is_cut : whether more are ranked than are on the list
    """

    members: Mapping[int, str]
    true: Mapping[str, frozenset[int]] = field(default_factory=dict)
    known: Mapping[str, frozenset[int]] = field(default_factory=dict)
    unseen: frozenset[int] = frozenset()
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class ScanChange:
    """One change that is to be told.

    Attributes
    ----------
    kind : "entered", "left" or "crossed"
    security_id, symbol : who changed
    text : the question that turned true; empty for the other kinds
    """

    kind: str
    security_id: int
    symbol: str
    text: str = ""


@dataclass
class Memory:
    """What is remembered of one scan between evaluations, so that nothing is told twice.

    Attributes
    ----------
    members : who was on the list when somebody was last told
    true : by text, for whom it was true then
    pending : by "kind|security|text", evaluations in a row that a change has held
    last : by the same, when it was last told
    as_of : the newest session of which a report was looked at
    """

    members: dict[int, str] = field(default_factory=dict)
    true: dict[str, set[int]] = field(default_factory=dict)
    pending: dict[str, int] = field(default_factory=dict)
    last: dict[str, datetime] = field(default_factory=dict)
    as_of: date | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the memory as JSON holds it."""
        return {
            "members": {str(k): v for k, v in self.members.items()},
            "true": {text: sorted(ids) for text, ids in self.true.items()},
            "pending": self.pending,
            "last": {key: at.isoformat() for key, at in self.last.items()},
            "as_of": self.as_of.isoformat() if self.as_of else None,
        }

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Memory:
        """Return the memory that `as_dict` wrote."""
        return cls(
            {int(k): str(v) for k, v in content["members"].items()},
            {text: set(ids) for text, ids in content["true"].items()},
            dict(content["pending"]),
            {key: datetime.fromisoformat(at) for key, at in content["last"].items()},
            date.fromisoformat(as_of) if (as_of := content.get("as_of")) else None,
        )


def first_memory(current: ScanMembers) -> Memory:
    """Return what is remembered after the first evaluation, of which nobody is told."""
    return Memory(dict(current.members), {text: set(ids) for text, ids in current.true.items()})


def decide(
    memory: Memory, current: ScanMembers, rules: AlertRules, now: datetime
) -> list[ScanChange]:
    """Decide which changes are to be told now, and bring the memory up to date.

    Parameters
    ----------
    memory : of the scan; changed in place
    current : who is on its list
    rules : debounce, cooldown and kinds
    now : the instant of the evaluation
    """
    changes = _changes(memory, current)
    due = []
    pending: dict[str, int] = {}
    for change in changes:
        key = f"{change.kind}|{change.security_id}|{change.text}"
        pending[key] = memory.pending.get(key, 0) + 1
        before = memory.last.get(key)
        rested = before is None or now - before >= rules.cooldown
        if pending[key] < rules.debounce or not rested:
            continue
        del pending[key]
        _accept(memory, change)
        if change.kind in rules.on:
            memory.last[key] = now
            due.append(change)
    memory.pending = pending
    memory.last = {k: at for k, at in memory.last.items() if now - at < rules.cooldown}
    for text, known in current.known.items():  # what turned false may cross again
        still_true = memory.true.setdefault(text, set())
        still_true -= {security for security in known if security not in current.true[text]}
    memory.members.update({k: v for k, v in current.members.items() if k in memory.members})
    return due


def _changes(memory: Memory, current: ScanMembers) -> list[ScanChange]:
    # Who has moved up to the place of somebody who was not seen has not entered.
    waiting = memory.members.keys() & current.unseen
    places = len(current.members) - (len(waiting) if current.is_cut else 0)
    surely = [
        security
        for k, security in enumerate(current.members)
        if k < places or security in memory.members
    ]
    entered = [
        ScanChange("entered", security, current.members[security])
        for security in surely
        if security not in memory.members
    ]
    left = [
        ScanChange("left", security, symbol)
        for security, symbol in memory.members.items()
        if security not in current.members and security not in current.unseen
    ]
    crossed = [
        ScanChange("crossed", security, current.members[security], text)
        for text, ids in current.true.items()
        for security in sorted(ids)
        if security in surely and security not in memory.true.get(text, set())
    ]
    return [*entered, *left, *crossed]


def _accept(memory: Memory, change: ScanChange) -> None:
    """What was told is what is remembered."""
    if change.kind == "entered":
        memory.members[change.security_id] = change.symbol
    elif change.kind == "left":
        memory.members.pop(change.security_id, None)
    else:
        memory.true.setdefault(change.text, set()).add(change.security_id)
