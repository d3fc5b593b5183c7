"""Where work runs: here, in threads, in processes, on a cluster. The answer is the same bytes.

One protocol, `Executor.map(work, parts)` in order; what differs is what happens to a part whose
worker dies. A part is tried once more, then cut in two until the position that no worker survives
stands alone, is named and left out; a part that nobody else can do is done here.
"""

from __future__ import annotations

from os import cpu_count

from technic.errors import ConfigError, not_installed
from technic.runtime.executors.cluster import open_ray
from technic.runtime.executors.local import InlineExecutor, ThreadExecutor
from technic.runtime.executors.processes import ProcessExecutor
from technic.runtime.executors.protocol import Done, Executor, Progress, Span, Work, quiet, spans

__all__ = [
    "Done",
    "Executor",
    "InlineExecutor",
    "ProcessExecutor",
    "Progress",
    "Span",
    "ThreadExecutor",
    "Work",
    "open_executor",
    "quiet",
    "spans",
]

DEFAULT = "processes"


def open_executor(url: str = DEFAULT) -> Executor:
    """Open the executor that a text names; end it with `close`.

    Parameters
    ----------
    url : `inline:`, `threads:N`, `processes:N` (one per core without N), `ray://local` or
        `ray://local:N`, which starts a Ray of its own, or `ray://host:port`, one that runs already

    Raises
    ------
    ConfigError
        If the text is not understood, or what it needs is not installed.
    """
    kind, _, rest = url.strip().partition(":")
    if kind == "ray":
        return _ray(rest.removeprefix("//"), url)
    if kind == "inline" and not rest:
        return InlineExecutor()
    counts = rest.isdecimal() and len(rest) <= 4 and int(rest) > 0
    if kind in {"threads", "processes"} and (not rest or counts):
        workers = int(rest) if rest else cpu_count() or 1
        return ThreadExecutor(workers) if kind == "threads" else ProcessExecutor(workers)
    raise ConfigError(
        f"executor {url[:80]}: there are inline:, threads:N, processes:N, ray://local and "
        "ray://host:port"
    )


def _ray(address: str, url: str) -> Executor:
    try:
        return open_ray(address)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{not_installed(error, 'ray', f'executor {url}')}; processes:N needs nothing"
        ) from error
