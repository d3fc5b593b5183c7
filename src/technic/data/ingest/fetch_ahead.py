"""Ask vendors several questions at once: a back-fill waits for the network, and threads can wait.

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
from technic.data.ingest.sync import Ahead, Pages
from technic.data.ingest.vendors import Vendors, connect_vendors
from technic.data.ingest.ways import Step
from technic.data.providers.source import Ask, Log, VendorCall, unheard
from technic.errors import ConfigError, ProviderError
from technic.runtime.executors import Executor, Work, spans
from technic.runtime.executors.protocol import Shared
from technic.runtime.settings import Settings


@contextmanager
def asking_ahead(settings: Settings, executor: Executor, log: Log = unheard) -> Iterator[Ahead]:
    """Give a sync the means to ask several questions at once, as its `ahead`.

    Each thread has a connection of its own; the allowance of calls is shared. Keys never leave
    this process, so that only its threads can ask. Connections end with the block.

    Parameters
    ----------
    log : is told of every call, in the order of the questions

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
        pages: list[Pages] = []
        for done in executor.map(work, spans(len(steps), 1)):
            answer = done.answer or {}
            for call in answer["calls"]:
                log(VendorCall(**call))
            pages.append(_pages(answer))
        return pages

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
        """The vendors of the calling thread, and the calls it has made."""
        thread = get_ident()
        if thread not in self._vendors:
            calls = self.calls[thread] = []
            stack = self._stacks[thread] = ExitStack()
            self._vendors[thread] = stack.enter_context(
                connect_vendors(self.settings, calls.append)
            )
        return self._vendors[thread], self.calls[thread]

    def close(self) -> None:
        """End every connection."""
        for stack in self._stacks.values():
            stack.close()


_OPENED: dict[int, _ByThread] = {}  # connections are no JSON: a question names theirs


def fetch_part(shared: Shared, first: int, _last: int) -> dict[str, Any]:
    """Ask one question, in a thread: its pages, or why there are none, and the calls it took."""
    vendors, calls = _OPENED[shared.job["opened"]].vendors()
    provider, ask = shared.job["asks"][first]
    calls.clear()
    answer: dict[str, Any]
    try:
        pages = vendors.sources[provider].fetch(Ask.of(ask))
        answer = {f"page{k}": page for k, page in enumerate(pages)}
    except ProviderError as error:
        answer = {"failed": type(error).__name__, "text": str(error)}
    return {**answer, "calls": [asdict(call) for call in calls]}


def _pages(answer: dict[str, Any]) -> Pages:
    if "failed" in answer:
        kind = getattr(errors, answer["failed"], ProviderError)
        failure: ProviderError = kind(answer["text"])
        return failure
    return [answer[f"page{k}"] for k in range(len(answer) - 1)]
