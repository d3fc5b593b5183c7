"""A worker process: does one part after another, as lines of JSON ask for them.

1. `{"take": …}` names the work: its function, its job and where its arrays lie.
2. `{"do": [first, last], "id": 7}` is answered, under the same number, with where the answer lies,
   or with what was raised.

It ends when its parent does. If the work forks, the copy is no worker: it ends before it speaks.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import orjson

from technic.errors import TechnicError
from technic.runtime.executors.protocol import Shared, call
from technic.runtime.executors.shared import line, open_array, open_arrays, pack


def main() -> None:
    """Do the parts that are asked for, until nobody asks."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # What is printed by the work must not come between our lines.
    me = os.getpid()
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as output:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        _say(output, {"ready": me})
        _do_parts(output, me)


def _do_parts(output: Any, me: int) -> None:
    work: dict[str, Any] = {}
    shared = Shared({}, {})
    count = 0
    for request in sys.stdin.buffer:
        message = orjson.loads(request)
        if "take" in message:
            work = message["take"]
            out = None if work["out"] is None else open_array(work["out"], "r+")
            shared = Shared(work["job"], open_arrays(work["arrays"]), out)
            continue
        count += 1
        path = Path(work["scratch"], f"{me}-{count}.answer")
        answer = _answer(work["name"], shared, message["do"], path, me)
        _say(output, {**answer, "id": message["id"]})


def _answer(name: str, shared: Shared, part: list[int], path: Path, me: int) -> dict[str, Any]:
    try:
        answer = call(name, shared, *part)
        _end_unless(me)
        return pack(answer, path)
    except TechnicError as error:
        _end_unless(me)
        return {"raised": type(error).__name__, "text": str(error)}
    except Exception as error:  # noqa: BLE001 -- told to the parent, who raises it
        _end_unless(me)
        return {"raised": "", "text": f"{type(error).__name__}: {error}"}


def _end_unless(me: int) -> None:
    """End a copy of this process that the work has made: two must not speak for one."""
    if os.getpid() != me:
        os._exit(0)


def _say(output: Any, message: dict[str, Any]) -> None:
    try:
        output.write(line(message))
        output.flush()
    except BrokenPipeError:
        os._exit(0)


def _end_with_parent() -> None:
    """A worker whose parent was killed would work on for nobody."""
    parent = int(os.environ.get("TECHNIC_PARENT", "0"))
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


if __name__ == "__main__":
    main()
