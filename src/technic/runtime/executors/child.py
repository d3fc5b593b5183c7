"""A child process that answers one line of JSON with another, and may be lost at any time."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import IO, Any

import orjson

from technic.runtime.executors.shared import line

LONGEST = 256 << 20  # bytes of one line
GRACE = 2.0  # seconds between the last line of a child and its end
LOOK_EVERY = 0.05  # seconds between two looks at a child that works
SAFE = frozenset(
    ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT",
     "VIRTUAL_ENV", "LD_LIBRARY_PATH", "TECHNIC_HOME", "TECHNIC_THREADS", "CI"]
)  # fmt: skip
SAFE_PREFIXES = ("LC_", "PYTHON", "NUMBA_", "OMP_", "OPENBLAS_", "MKL_", "POLARS_", "XDG_")


class ChildLostError(Exception):
    """A child ended, hung or took too much, and is gone.

    Attributes
    ----------
    how : "died", "hung" or "memory"
    killed : whether it was ended from outside, rather than by what it did
    ready : whether it had ever answered
    """

    def __init__(self, why: str, how: str, *, killed: bool = False, ready: bool = True) -> None:
        super().__init__(why)
        self.how, self.killed, self.ready = how, killed, ready


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """What a process needs to run, and nothing else: no key, no address with a password.

    Examples
    --------
    >>> without_secrets({"HOME": "/home/me", "MASSIVE_API_KEY": "x", "LC_ALL": "C"})
    {'HOME': '/home/me', 'LC_ALL': 'C'}
    """
    return {
        name: value
        for name, value in environment.items()
        if name in SAFE or name.startswith(SAFE_PREFIXES)
    }


class Child:
    """One process; `ask` it from one thread at a time.

    Parameters
    ----------
    command : program and arguments
    environment : variables it gets besides ours
    clean : leave the user's secrets out of its environment
    memory : bytes it may hold that it shares with nobody; None for no bound

    Attributes
    ----------
    ready : whether it has answered yet
    peak : the most bytes it was seen to hold, where memory is bounded
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        clean: bool = True,
        memory: int | None = None,
    ) -> None:
        self.memory = memory
        self.ready = False
        self.peak = 0
        self._asked = 0
        self._complaints: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 -- lives with us
        try:
            self._process = subprocess.Popen(  # noqa: S603 -- our own interpreter, or a user's
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                env={
                    **(without_secrets(os.environ) if clean else os.environ),
                    **(environment or {}),
                    "TECHNIC_PARENT": str(os.getpid()),
                },
                start_new_session=True,  # Ctrl-C is ours to answer
            )
        except OSError:
            self._complaints.close()
            raise
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send a line; that a child is gone shows when it is heard."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError, OSError):
            self._process.stdin.write(line(message))
            self._process.stdin.flush()

    def hear(self, patience: float) -> dict[str, Any]:
        """The next line it says.

        Parameters
        ----------
        patience : seconds

        Raises
        ------
        ChildLostError
            If it ends, takes longer than `patience` seconds or more memory than it may.
        """
        return self._hear(monotonic() + patience, patience)

    def _hear(self, until: float, patience: float) -> dict[str, Any]:
        while True:
            try:
                text = self._lines.get(timeout=max(min(LOOK_EVERY, until - monotonic()), 0.0))
            except queue.Empty:
                self._check(until, patience)
                continue
            if text is None:
                raise self._loss()
            try:
                answer = orjson.loads(text)
            except orjson.JSONDecodeError:
                raise self._nonsense("said what is no JSON") from None
            if not isinstance(answer, dict):
                raise self._nonsense("said what is no object of JSON")
            self.ready = True
            return answer

    def ask(self, message: Mapping[str, Any], patience: float) -> dict[str, Any]:
        """Send a line, and hear the answer to it; see `hear` for errors.

        The line carries a number under `id`, and so must the answer: what answers an earlier one
        (somebody forked, and both spoke) is passed over, and any other number is a loss.
        """
        self._asked += 1
        number, until = self._asked, monotonic() + patience
        self.tell({**message, "id": number})
        while True:
            answer = self._hear(until, patience)
            said = answer.get("id")
            if said == number and type(said) is int:
                return answer
            if type(said) is not int or not 0 < said < number:
                raise self._nonsense("answered another question")

    def resident(self) -> int:
        """Bytes of memory it holds that it shares with nobody."""
        import psutil  # asked only where memory is bounded

        try:
            info = psutil.Process(self.pid).memory_info()
        except psutil.Error:
            return 0
        return int(info.rss) - int(getattr(info, "shared", 0))

    def stop(self, patience: float) -> None:
        """Let it end by itself within some seconds, as nobody asks it any more; then end it."""
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        self.kill()

    def kill(self) -> None:
        """End it, and whatever it started."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                if hasattr(os, "killpg"):
                    os.killpg(self.pid, signal.SIGKILL)
                else:
                    self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._complaints):
            with suppress(OSError, ValueError):
                stream.close()  # type: ignore[union-attr]

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            while part := output.readline(LONGEST):
                self._lines.put(part)
        self._lines.put(None)

    def _check(self, until: float, patience: float) -> None:
        """End a child that takes too long or too much."""
        if monotonic() >= until:
            self.kill()
            raise ChildLostError(f"hung for {patience:g} s", "hung", ready=self.ready)
        if self.memory is not None:
            self.peak = max(self.peak, self.resident())
            if self.peak > self.memory:
                self.kill()
                raise ChildLostError(
                    f"took {self.peak >> 20:,} MB of {self.memory >> 20:,}", "memory",
                    ready=self.ready,
                )  # fmt: skip

    def _nonsense(self, why: str) -> ChildLostError:
        self.kill()
        return ChildLostError(why, "died", ready=self.ready)

    def _loss(self) -> ChildLostError:
        try:
            code = self._process.wait(GRACE)
        except subprocess.TimeoutExpired:  # it closed its end and lives on
            self.kill()
            return ChildLostError("stopped speaking", "died", ready=self.ready)
        with suppress(OSError, ValueError):
            self._complaints.seek(0)
            last = self._complaints.read()[-4000:].decode(errors="replace").strip().splitlines()
        self.kill()
        killed = code == -signal.SIGKILL if sys.platform != "win32" else False
        if code < 0:
            why = f"died of {signal.Signals(-code).name}"
        else:
            why = f"ended with code {code}" + (f" ({last[-1][:200]})" if last else "")
        return ChildLostError(why, "died", killed=killed, ready=self.ready)
