"""Print the locked requirements of some extras, hashes included, for `pip --require-hashes`.

    python scripts/locked.py [EXTRA…] [--only NAME] [--lock constraints.txt] > requirements.txt

`constraints.txt` locks every package of every extra, and says behind each what needs it. Printed
are those that the extras need, and what these need: a few more where a package has extras of its
own, never one less. pip takes hashes from requirements only, not from constraints, so an
installation is two steps: what is printed here with --require-hashes, then technic with --no-deps.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
OURS = "technic-scanner"


@dataclass(frozen=True)
class Locked:
    """One package of the lock: its lines, and who needs it."""

    lines: tuple[str, ...]
    needed_by: frozenset[str]


def canonical(name: str) -> str:
    """A name as the index spells it, without the extras behind it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[ ;<>=!~(]", name.strip())[0]).lower()


def read_lock(path: Path) -> dict[str, Locked]:
    """The packages of a lock, by name."""
    packages: dict[str, tuple[list[str], set[str]]] = {}
    name = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        comment = line.strip().removeprefix("#").strip() if line.strip().startswith("#") else None
        if comment is None and not line.startswith(" "):
            name = canonical(line)
            # One package may stand there in two versions, with a marker each.
            packages.setdefault(name, ([], set()))[0].append(line)
        elif comment is None:
            packages[name][0].append(line)
        elif named := comment.removeprefix("via").strip():
            packages[name][1].add(canonical(named))
    return {name: Locked(tuple(lines), frozenset(by)) for name, (lines, by) in packages.items()}


def direct(extras: list[str]) -> set[str]:
    """The packages that technic asks for itself, with some extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    if unknown := sorted(set(extras) - set(optional)):
        sys.exit(f"no extra {', '.join(unknown)}; there are {', '.join(sorted(optional))}")
    names, waiting = {canonical(text) for text in project["dependencies"]}, list(extras)
    while waiting:
        for text in optional[waiting.pop()]:
            inner = re.match(rf"{OURS}\[(.+)\]", text)
            waiting += inner[1].split(",") if inner else []
            names |= set() if inner else {canonical(text)}
    return names


def closure(packages: dict[str, Locked], names: set[str]) -> list[str]:
    """Some packages and everything that they need, in the order of the lock."""
    wanted, before = set(names), -1
    while len(wanted) != before:
        before = len(wanted)
        wanted |= {name for name, package in packages.items() if package.needed_by & wanted}
    if missing := sorted(names - set(packages)):
        sys.exit(f"the lock has no {', '.join(missing)}: make lock")
    return [name for name in packages if name in wanted]


def main() -> None:
    """Print the lines of the lock that some extras need."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("extras", nargs="*", metavar="EXTRA")
    parser.add_argument("--only", metavar="NAME", help="this package, and nothing of technic's")
    parser.add_argument("--lock", type=Path, default=ROOT / "constraints.txt")
    options = parser.parse_args()
    packages = read_lock(options.lock)
    names = {canonical(options.only)} if options.only else direct(options.extras)
    for name in closure(packages, names):
        print("\n".join(packages[name].lines))


if __name__ == "__main__":
    main()
