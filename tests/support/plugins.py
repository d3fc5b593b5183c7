"""A package that offers plugins: scores that do what strangers' code may do."""

from __future__ import annotations

import sys

from technic.scanner.columns import plugin_worker

CODE = """
import os, time, ctypes, socket
import numpy as np

def mean_close(bars):
    return bars.close.mean()

def last_of(bars):
    return float(bars.dates[-1].astype("datetime64[D]").astype(int))

def raises(bars):
    if bars.symbol == "S03":
        raise ValueError("no such thing")
    return len(bars.close)

def mutates(bars):
    bars.close[0] = 1e9
    return 1.0

def text(bars):
    return "strong buy"

def infinite(bars):
    return float("inf") if bars.symbol == "S01" else 1.0

def exits(bars):
    if bars.symbol == "S05":
        os._exit(3)
    return 1.0

def segfaults(bars):
    if bars.symbol == "S05":
        ctypes.string_at(0)
    return 1.0

def spins(bars):
    while bars.symbol == "S05":
        pass
    return 1.0

def prints(bars):
    print('{"told": {}}', flush=True)
    os.write(1, b"raw words\\\\n")
    return 1.0

def peeks(bars):
    return float(any("KEY" in name or "SECRET" in name for name in os.environ))

def none(bars):
    return None

def forks(bars):
    copy = os.fork()
    return float(len(bars.close)) if copy else -1.0

def always_exits(bars):
    os._exit(3)

def always_slow(bars):
    time.sleep(3600)
"""
NAMES = [line.split()[1].split("(")[0] for line in CODE.splitlines() if line.startswith("def ")]


def forget_import():
    """This process has imported the package of another test, from another folder."""
    for name in [key for key in sys.modules if key.partition(".")[0] == "minescores"]:
        del sys.modules[name]
    plugin_worker._IMPORTED.clear()
