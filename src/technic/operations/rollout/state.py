"""Which engine answers: one small file, replaced at once, read before every question."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import orjson

from technic.errors import ConfigError
from technic.runtime.executors.child import Child, ChildLostError
from technic.runtime.files import write_atomically, writing
from technic.scanner.manifest import with_digest
from technic.scanner.report_cache import code_digest

THIS = "this"
STEPS = (10, 50, 100)
START = 120.0  # seconds in which an engine has warmed up, the first compilation included
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Engine:
    """A registered engine.

    Attributes
    ----------
    name : one word
    version : of its package, as it told when it was registered
    path : a Python of an environment that has technic, or a program that speaks as an engine
    code : digest of its code, as it told when it was registered; it must tell the same ever after
    """

    name: str
    path: str
    code: str
    version: str

    def command(self) -> tuple[str, ...]:
        """The command that starts it."""
        if Path(self.path).name.startswith("python"):
            return (self.path, "-m", "technic", "engine")
        return (self.path,)


@dataclass(frozen=True, slots=True)
class Rollout:
    """Which engine answers, and how far a candidate has come.

    Attributes
    ----------
    engines : by name; `this` is the version that is asked
    stable : whose answers count
    candidate : who is being tried; empty for nobody
    phase : none, shadow, canary, rolled back or promoted
    share : percent of questions for which the candidate's answer may be given
    overlap : share of the first 50 that must be the same; None demands identical answers
    previous : who was stable before
    generation : counts trials: what was seen of an earlier one says nothing of this one
    reason : why it was rolled back; empty if it was not
    since : when the phase began, UTC
    """

    engines: dict[str, Engine] = field(default_factory=dict)
    stable: str = THIS
    candidate: str = ""
    phase: str = "none"
    share: int = 0
    overlap: float | None = None
    previous: str = ""
    generation: int = 0
    reason: str = ""
    since: str = ""

    def engine(self, name: str) -> Engine:
        """An engine by name.

        Raises
        ------
        ConfigError
            If none of that name is registered.
        """
        if name == THIS:
            return Engine(THIS, sys.executable, code_digest(), "")
        if name not in self.engines:
            names = ", ".join([THIS, *self.engines])
            raise ConfigError(f"{name}: no such engine; there are {names}. technic rollout add")
        return self.engines[name]

    def with_engine(self, engine: Engine) -> Rollout:
        """The same with one more engine."""
        return replace(self, engines={**self.engines, engine.name: engine})

    def shadowing(self, name: str, overlap: float | None = None) -> Rollout:
        """The same with an engine tried beside the stable one, in shadow.

        Parameters
        ----------
        overlap : the share of the first 50 rows that must be the same; None for all of the answer

        Raises
        ------
        ConfigError
            If there is no such engine, or it is the stable one.
        """
        self.engine(name)
        if name == self.stable:
            raise ConfigError(f"{name} is the stable engine; try another beside it")
        return replace(
            self,
            candidate=name,
            phase="shadow",
            share=0,
            overlap=overlap,
            reason="",
            generation=self.generation + 1,
            since=_now(),
        )

    def sharing(self, share: int) -> Rollout:
        """The same with the candidate answering for a share of the questions, in percent."""
        self._needs_candidate()
        if not 0 < share <= 100:
            raise ConfigError(f"canary {share}: a share is between 1 and 100 percent")
        return replace(self, phase="canary", share=share, since=_now())

    def promoted(self) -> Rollout:
        """The same with the candidate as the stable engine."""
        self._needs_candidate()
        return replace(
            self,
            previous=self.stable,
            stable=self.candidate,
            candidate="",
            phase="promoted",
            share=0,
            overlap=None,
            reason="",
            since=_now(),
        )

    def rolled_back(self, reason: str) -> Rollout:
        """The same with no candidate; where there was none, the stable engine before this one is back."""
        if self.candidate:
            return replace(
                self, candidate="", phase="rolled back", share=0, reason=reason, since=_now()
            )
        if not self.previous:
            raise ConfigError(
                "there is nothing to roll back: no engine is tried, none was promoted"
            )
        return replace(
            self,
            stable=self.previous,
            previous="",
            phase="rolled back",
            reason=reason,
            since=_now(),
        )

    def _needs_candidate(self) -> None:
        if not self.candidate:
            raise ConfigError("no engine is being tried: technic rollout shadow NAME")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class RolloutFile:
    """The file of a rollout, and what was observed beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "rollout.json"
        self._read: tuple[tuple[int, int], Rollout] | None = None

    def read(self) -> Rollout:
        """The state as it is now; cheap where nothing has changed.

        Raises
        ------
        ConfigError
            If the file cannot be understood; says what to do.
        """
        try:
            now = self.path.stat()
        except FileNotFoundError:
            return Rollout()
        # Every write makes a new file: its inode differs even where the clock is coarse.
        stamp = (now.st_ino, now.st_mtime_ns)
        if self._read is None or self._read[0] != stamp:
            self._read = (stamp, _parse(self.path))
        return self._read[1]

    def write(self, rollout: Rollout) -> Rollout:
        """Replace the file, at once: a reader sees the old state or the new one."""
        write_atomically(
            self.path,
            orjson.dumps(
                with_digest({"format": FORMAT, **asdict(rollout)}), option=orjson.OPT_INDENT_2
            ),
        )
        return rollout

    def change(self, how: Callable[[Rollout], Rollout]) -> Rollout:
        """Replace the state by what a function makes of it; one writer at a time.

        Parameters
        ----------
        how : a function from the state that is to the state that shall be
        """
        with writing(self.folder):
            return self.write(how(self.read()))

    def observed(self, generation: int) -> Path:
        """Where the observations of a trial are kept, one line each."""
        return self.folder / f"observed-{generation:06d}.jsonl"


def _parse(path: Path) -> Rollout:
    try:
        held = orjson.loads(path.read_bytes())
        if "digest" in held and with_digest(held) != held:
            raise ConfigError(
                f"{path}: was changed after it was written; remove it to return to this version alone"
            )
        held.pop("digest", None)
        if held.pop("format") != FORMAT:
            raise ConfigError(f"{path}: was written by a newer technic; it is left as it is")
        engines = {name: Engine(**about) for name, about in held.pop("engines").items()}
        return Rollout(engines=engines, **held)
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{path}: cannot be understood ({type(error).__name__}); remove it to return to this "
            "version alone"
        ) from error


def register(name: str, path: Path) -> Engine:
    """The engine at a path, started once to hear which code it is.

    Raises
    ------
    ConfigError
        If it cannot be started, is open to be changed by anybody, or does not speak as an engine.
    """
    if not name.isidentifier() or name == THIS:
        raise ConfigError(f"{name}: an engine is called by one word, and not {THIS}")
    program = path.absolute()
    if not os.access(program, os.X_OK):
        raise ConfigError(f"{path}: is no program that can be run")
    if os.name == "posix" and program.stat().st_mode & stat.S_IWOTH:
        raise ConfigError(f"{path}: anybody may change it; take that right away first")
    engine = Engine(name, str(program), "", "")
    started = start(engine)
    started.kill()
    return replace(engine, code=started.code, version=started.version)


class Started(Child):
    """An engine that runs, and what it told of itself."""

    code = ""
    version = ""


def start(engine: Engine, memory: int | None = None) -> Started:
    """Start an engine and wait until it is warm.

    Raises
    ------
    ConfigError
        If it does not come up, or is other code than was registered.
    """
    try:
        child = Started(engine.command(), clean=False, memory=memory)
    except OSError as error:
        raise ConfigError(
            f"{engine.name}: {engine.path} cannot be run: {error.strerror}"
        ) from error
    try:
        greeting = child.hear(START)
    except ChildLostError as lost:
        raise ConfigError(f"{engine.name}: {engine.path} {lost} before it was ready") from lost
    child.code, child.version = str(greeting.get("code", "")), str(greeting.get("version", ""))
    if not greeting.get("ready") or not child.code:
        child.kill()
        raise ConfigError(f"{engine.name}: {engine.path} does not speak as an engine of technic")
    if engine.code and engine.code != child.code:
        child.kill()
        raise ConfigError(
            f"{engine.name}: {engine.path} is other code than was registered; look at it, then: "
            f"technic rollout add {engine.name} {engine.path}"
        )
    return child
