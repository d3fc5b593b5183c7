"""Engines with a planted fault, as programs: each speaks as technic's own engine, but for one thing."""

from __future__ import annotations

import os
import struct
import sys
import time

from technic.operations.rollout import engine

KEPT = []


def ulp(value):
    """The next float."""
    bits = struct.unpack("<q", struct.pack("<d", value))[0]
    return struct.unpack("<d", struct.pack("<q", bits + 1))[0]


def faulty(kind):
    """An `answer` with the fault."""

    def answered(message):
        if kind == "exception":
            raise_at(message)
        if kind == "exit":
            os._exit(1)
        if kind == "hang":
            time.sleep(3600)
        since = time.perf_counter()
        made = engine.answer(message)
        if "report" not in made:
            return made
        rows = made["report"]["rows"]
        if kind == "ulp" and rows:
            rows[0]["score"] = ulp(rows[0]["score"])
            made["digest"] += "1"  # a digest over another score is another digest
        if kind == "row" and rows:
            rows.pop()
            made["digest"] += "2"
        if kind == "order" and len(rows) > 1:
            rows[0], rows[1] = rows[1], rows[0]
            made["digest"] += "3"
        if kind == "quiet_ulp" and rows:  # it claims the digest of the right answer
            rows[0]["score"] = ulp(rows[0]["score"])
        if kind == "quiet_order" and len(rows) > 1:
            rows[0], rows[1] = rows[1], rows[0]
        if kind == "quiet_ledger":
            made["report"]["ledger"]["buckets"]["ranked"] += 1
        if kind == "list":
            return [1, 2]
        if kind == "words" and rows:
            rows[0]["score"] = "high"
        if kind == "fast":
            made["ms"] = "no time at all"
        if kind == "no_report":
            del made["report"]
        if kind == "no_rows":
            made["report"]["rows"] = "none"
        if kind == "other_id":
            made["id"] = 10**6
        if kind == "slow":
            time.sleep(10 * max(time.perf_counter() - since, 0.005))
        if kind == "leak":
            KEPT.append(bytearray(os.urandom(1 << 10) * (20 << 10)))
            made["rss"] = engine.resident()
        return made

    def raise_at(message):
        message["scan"] = {"store": "/nonexistent", "file": {"where": "close >"}}

    return answered


def main(kind):
    engine.serve(respond=faulty(kind))


if __name__ == "__main__":
    main(sys.argv[1])
