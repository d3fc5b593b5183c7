"""What must not break, broken on purpose: prints "failed of n (≤ 3/n)" for each.

    python -m torture [NAME…] [--tier 1|2] [--seed N] [--write]

Tier 1 is a fixed sample, for every change; tier 2 is all of it. Servers are real and on
loopback; every check prints the seed it can be repeated with.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from pathlib import Path
from time import perf_counter

from . import (
    caches,
    chaos,
    crashes,
    damage,
    doors,
    files,
    filings,
    growth,
    histories,
    killed,
    live,
    questions,
    scale,
    seals,
)

SECTIONS = (
    histories,
    chaos,
    caches,
    crashes,
    killed,
    filings,
    files,
    questions,
    scale,
    damage,
    growth,
    doors,
    live,
    seals,
)
CHECKS = {name: check for section in SECTIONS for name, check in section.CHECKS.items()}


def main() -> int:
    parser = argparse.ArgumentParser(prog="torture", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CHECKS))
    parser.add_argument("--tier", type=int, default=1, choices=(1, 2))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="into benchmarks/TORTURE.md")
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - set(CHECKS)):
        parser.error(f"no check {', '.join(unknown)}; there are {', '.join(CHECKS)}")
    lines: list[str] = []
    bad: list[str] = []
    broken = 0
    for name, check in CHECKS.items():
        if options.names and name not in options.names:
            continue
        since = perf_counter()
        for what, failed, count, more in check(options.tier, options.seed):
            broken += failed
            bound = f" (≤ {3 / count:.1e})" if count and not failed else ""
            line = f"| {what} | {failed} of {count:,}{bound} | {more} |"
            lines.append(line)
            bad += [line] if failed else []
            print(line, flush=True)
        print(f"  {name}: {perf_counter() - since:.0f} s, seed {options.seed}", flush=True)
    if options.write:
        from run import machine

        target = Path(__file__).parents[1] / "TORTURE.md"
        head = f"# Torture\n\nBy `make torture TIER={options.tier}`, seed {options.seed}: {machine()}.\n\n"
        table = "| what | failed | |\n|---|---|---|\n" + "\n".join(lines)
        target.write_text(head + table + "\n")
    # Last, and once more what failed: of a long run often only the end is at hand.
    print(f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC: {broken} failures")
    for line in bad:
        print(f"failed: {line}")
    print(f"{len(lines) - len(bad)} passed, {len(bad)} failed")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    sys.exit(main())
