"""Work that is done elsewhere, some of it badly: workers import this module by name."""

from __future__ import annotations

import os
import signal
import sys
import time

import numpy as np

from technic.errors import QuestionError


def doubled(shared, first, last):
    """Twice the numbers of a stretch, and who did it."""
    values = 2.0 * shared.arrays["numbers"][first:last]
    if shared.out is not None:
        shared.out[first:last] = values
    return {"values": values, "raw": values.tobytes(), "first": first, "who": os.getpid()}


def crashing(shared, first, last):
    """Ends its process wherever a position is among those that do."""
    bad = set(shared.job["bad"])
    if bad & set(range(first, last)):
        how = shared.job["how"]
        if how == "exit":
            os._exit(7)
        if how == "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        if how == "hang":
            time.sleep(3600)
        if how == "spin":
            while True:
                pass
        if how == "memory":
            held = np.ones(400 << 17)  # 400 MB
            time.sleep(2.0)
            del held
    return doubled(shared, first, last)


def raising(_shared, first, _last):
    """An error of ours, and one that is nobody's."""
    if first == 0:
        raise QuestionError("cannot be understood")
    raise ZeroDivisionError("division by zero")


def slow(shared, first, last):
    """Takes a while."""
    time.sleep(shared.job["seconds"])
    return doubled(shared, first, last)


def environment(_shared, _first, _last):
    """What the process can see of its surroundings."""
    return {"names": sorted(os.environ)}


def chatty(shared, first, last):
    """Prints where our lines go."""
    print('{"ready": "no"}', flush=True)
    return doubled(shared, first, last)


def forking(shared, first, last):
    """Makes a copy of its process at every part; both go on, the copy with other numbers."""
    child = os.fork()
    if not child and shared.job["how"] == "raise":
        raise QuestionError("said by a copy")
    answer = doubled(shared, first, last)
    if not child:
        answer["values"] = answer["values"] + 1e6
    elif shared.job["how"] == "wait":
        os.waitpid(child, 0)
    return answer


def twice(shared, first, last):
    """Answers by itself as well, before and after the worker does: as a process that it left would."""
    worker = sys.modules["__main__"]
    say = worker._say

    def both(output, message):
        lie = {**message, "values": {"values": [-1.0] * (last - first)}, "blobs": {}, "path": ""}
        say(output, {**lie, "id": message["id"] + shared.job["off"]})
        say(output, message)
        say(output, lie)

    worker._say = both
    return doubled(shared, first, last)


def hopeless(_shared, _first, _last):
    """Survives nothing."""
    os._exit(7)
