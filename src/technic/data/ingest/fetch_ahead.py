"""Several questions to vendors at once: a back-fill waits for the network, and threads can wait.

Each thread has a connection of its own; the allowance of calls is shared, as it is by processes.
Keys never leave this process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from threading import get_ident
from typing import Any

from technic import errors
from technic.data.ingest.planning import Step
from technic.data.ingest.sync import Ahead, Pages
from technic.data.ingest.vendors import Vendors, connected
from technic.data.providers.source import Ask, Log, VendorCall, unheard
from technic.errors import ConfigError, ProviderError
from technic.runtime.executors import Executor, Work, spans
from technic.runtime.executors.protocol import Shared
from technic.runtime.settings import Settings


@contextmanager
def asking_ahead(settings: Settings, executor: Executor, log: Log = unheard) -> Iterator[Ahead]:
    """Asks several questions at once, each thread over a connection of its own.

    The allowance of calls is shared. Keys never leave this process, so that only its threads can
    ask.

    Raises
    ------
    ConfigError
        If the executor is another than threads.
    """
    if executor.name not in {"threads", "inline"}:
        raise ConfigError(
            f"a back-fill waits for a vendor, and its keys stay in this process: --executor "
            f"threads:4 instead of {executor.name}"
        )
    opened = _ByThread(settings)

    def ask(steps: Sequence[Step]) -> list[Pages]:
        asks = [[step.provider, step.ask.as_dict()] for step in steps]
        work = Work(
            "technic.data.ingest.fetch_ahead:fetch_part", {"opened": id(opened), "asks": asks}
        )
        found: list[Pages] = []
        for done in executor.map(work, spans(len(steps), 1)):
            answer = done.answer or {}
            for call in answer["calls"]:
                log(VendorCall(**call))
            found.append(_pages(answer))
        return found

    _OPENED[id(opened)] = opened
    try:
        yield ask
    finally:
        del _OPENED[id(opened)]
        opened.close()


class _ByThread:
    """Connections of threads, made when a thread first asks."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.calls: dict[int, list[VendorCall]] = {}
        self._stacks: dict[int, ExitStack] = {}
        self._vendors: dict[int, Vendors] = {}

    def vendors(self) -> tuple[Vendors, list[VendorCall]]:
        """Those of this thread, and the calls it has made."""
        mine = get_ident()
        if mine not in self._vendors:
            calls = self.calls[mine] = []
            stack = self._stacks[mine] = ExitStack()
            self._vendors[mine] = stack.enter_context(connected(self.settings, calls.append))
        return self._vendors[mine], self.calls[mine]

    def close(self) -> None:
        """End every connection."""
        for stack in self._stacks.values():
            stack.close()


_OPENED: dict[int, _ByThread] = {}  # connections are no JSON: a question names theirs


def fetch_part(shared: Shared, first: int, _last: int) -> dict[str, Any]:
    """The pages of one question, or why there are none, and the calls it took."""
    vendors, calls = _OPENED[shared.job["opened"]].vendors()
    provider, asked = shared.job["asks"][first]
    calls.clear()
    answer: dict[str, Any]
    try:
        pages = vendors.sources[provider].fetch(Ask.of(asked))
        answer = {f"page{k}": page for k, page in enumerate(pages)}
    except ProviderError as error:
        answer = {"failed": type(error).__name__, "text": str(error)}
    return {**answer, "calls": [asdict(call) for call in calls]}


def _pages(answer: dict[str, Any]) -> Pages:
    if "failed" in answer:
        kind = getattr(errors, answer["failed"], ProviderError)
        made: ProviderError = kind(answer["text"])
        return made
    return [answer[f"page{k}"] for k in range(len(answer) - 1)]
