"""What must not break, broken on purpose: prints "failed of n (≤ 3/n)" for each.

    python -m torture [NAME…] [--tier 1|2] [--seed N] [--jobs N] [--write]

Tier 1 is a fixed sample, for every change; tier 2 is all of it. Servers are real and on
loopback; every check prints the seed it can be repeated with. With `--jobs 2`, checks that do not
hang on time run two beside one another, each told when it has ended.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from collections.abc import Iterator
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
from .beside import pairs, told_by

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
    parser.add_argument("--jobs", type=int, default=1, choices=range(1, 9), metavar="N")
    parser.add_argument("--write", action="store_true", help="into benchmarks/TORTURE.md")
    parser.add_argument("--results", type=Path, help=argparse.SUPPRESS)  # of one of several jobs
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - set(CHECKS)):
        parser.error(f"no check {', '.join(unknown)}; there are {', '.join(CHECKS)}")
    names = [name for name in CHECKS if not options.names or name in options.names]
    if options.results:
        (name,) = names
        results = [list(one) for one in CHECKS[name](options.tier, options.seed)]
        options.results.write_text(json.dumps(results))
        return 0
    lines: dict[str, list[str]] = {}
    bad: list[str] = []
    broken = 0
    for name, what, failed, count, more in _results(names, options):
        broken += failed
        bound = f" (≤ {3 / count:.1e})" if count and not failed else ""
        line = f"| {what} | {failed} of {count:,}{bound} | {more} |"
        lines.setdefault(name, []).append(line)
        bad += [line] if failed else []
        print(line, flush=True)
    told = [line for name in names for line in lines.get(name, ())]  # as without --jobs
    if options.write:
        from run import machine

        target = Path(__file__).parents[1] / "TORTURE.md"
        head = f"# Torture\n\nBy `make torture TIER={options.tier}`, seed {options.seed}: {machine()}.\n\n"
        table = "| what | failed | |\n|---|---|---|\n" + "\n".join(told)
        target.write_text(head + table + "\n")
    # Last, and once more what failed: of a long run often only the end is at hand.
    print(f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC: {broken} failures")
    for line in bad:
        print(f"failed: {line}")
    print(f"{len(told) - len(bad)} passed, {len(bad)} failed")
    return 1 if broken else 0


def _results(
    names: list[str], options: argparse.Namespace
) -> Iterator[tuple[str, str, int, int, str]]:
    """Name of the check, what, failed, count and more of every line, as checks end."""
    together, alone = pairs(names, options.jobs)
    for told in told_by(together, options.tier, options.seed, options.jobs):
        print(told.printed, end="", flush=True)
        for result in told.results:
            yield told.name, *result
        print(f"  {told.name}: {told.seconds:.0f} s, seed {options.seed}", flush=True)
    for name in alone:
        since = perf_counter()
        for result in CHECKS[name](options.tier, options.seed):
            yield name, *result
        print(f"  {name}: {perf_counter() - since:.0f} s, seed {options.seed}", flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
    sys.exit(main())
