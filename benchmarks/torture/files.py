"""Files of every known layout, mutated: read, or refused in one line; every cell accounted for.

Each file is written in a vendor's layout, then changed once to three times as people and machines
change files: separators, quotes, dates, signs, units, columns, rows, single bytes. It must be read
or refused clearly, its cells must add up, and of every tenth (tier 1) or twentieth (tier 2) that
is read, the import must leave a store that scans.
"""

from __future__ import annotations

import csv
import io
import random
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import technic as tc
from technic.data.formats.bar_file import FileHints
from technic.data.ingest.bar_files import cells_of
from technic.data.ingest.checking import check_bars
from technic.errors import TechnicError
from technic.runtime.settings import Settings

FILES = {1: 600, 2: 20_000}
IMPORTED = {1: 10, 2: 20}  # one in so many is imported, and its store scanned
JUNK = ("", "-", "N/A", "oops", "1e999", "-1", "inf", "0", "€5", "4%", "1,234", "1.2.3", "2024-02-30",
        "99999999999999999999", "=1+1", "\x00", '"', "'", "ACME", "12:30", "1/2/3", "–", "2.5B")  # fmt: skip


def checks_files(tier: int, seed: int):
    layouts = _layouts()
    rng = random.Random(seed)
    other = unaccounted = broken = imported = answers = 0
    told: list[str] = []
    with tempfile.TemporaryDirectory(prefix="technic-files-") as name:
        folder = Path(name)
        empty = tc.open_store(folder / "empty")
        for k in range(FILES[tier]):
            layout = rng.choice(sorted(layouts))
            file_name, data = layouts[layout]
            path = folder / file_name
            hints = FileHints(symbol="ACME" if layout == "Nasdaq" else None)
            path.write_bytes(data := mutated(data, rng))
            try:
                checked = check_bars(empty, path, hints=hints)
            except TechnicError as error:
                other += "\n" in str(error) or len(str(error)) > 2_000
                continue
            except Exception as error:  # noqa: BLE001 -- counted
                other += 1
                told.append(f"{layout}: {type(error).__name__}: {str(error)[:80]!r}")
                continue
            answers += 1
            wrong = _adds_up(checked, data)
            unaccounted += bool(wrong)
            told += [f"{layout}: {wrong}"] if wrong else []
            if k % IMPORTED[tier] == 0 and not checked.refusal:
                imported += 1
                trouble = _imported(folder / f"store{k}", path, hints)
                broken += bool(trouble)
                told += [f"{layout}: {trouble}"] if trouble else []
    more = f"{len(layouts)} layouts; {answers:,} read; {'; '.join(sorted(set(told))[:12])}"
    yield "mutated files: anything but bars or one clear line", other, FILES[tier], more
    yield "mutated files that are read: cells unaccounted for", unaccounted, answers, ""
    yield "mutated files imported: the store scans no more", broken, imported, ""


def _layouts() -> dict[str, tuple[str, bytes]]:
    """A file of each layout of text: its name and bytes."""
    folder = str(Path(__file__).parents[2] / "tests" / "data" / "formats")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    made = import_module("test_vendor_files")
    return {name: write(made.market()) for name, (write, *_) in made.LAYOUTS.items()}


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The file after one to three changes."""
    for _ in range(rng.randint(1, 3)):
        change = rng.choice((_bytes_changed, _cut, *TEXT))
        if change in TEXT and b"\0" in data[:200]:
            change = _bytes_changed
        data = change(data, rng) if change not in TEXT else _as_text(change, data, rng)
    return data


def _bytes_changed(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _as_text(change, data: bytes, rng: random.Random) -> bytes:
    lines = data.decode("utf-8", errors="replace").split("\n")
    separator = max(",;\t|", key=lines[0].count)
    return change(lines, separator, rng).encode("utf-8", errors="replace")


def _separator(lines, separator, rng):
    return "\n".join(lines).replace(separator, rng.choice(",;\t|: "))


def _one_cell(lines, separator, rng):
    k = rng.randrange(len(lines))
    cells = lines[k].split(separator)
    cells[rng.randrange(len(cells))] = rng.choice(JUNK)
    return "\n".join([*lines[:k], separator.join(cells), *lines[k + 1 :]])


def _quotes(lines, separator, rng):
    k = rng.randrange(len(lines))
    place = rng.randrange(len(lines[k]) + 1)
    return "\n".join([*lines[:k], lines[k][:place] + '"' + lines[k][place:], *lines[k + 1 :]])


def _quoted(lines, separator, rng):
    return "\n".join(separator.join(f'"{c}"' for c in line.split(separator)) for line in lines)


def _column_gone(lines, separator, rng):
    width = len(lines[0].split(separator))
    gone = rng.randrange(width)
    cut = [line.split(separator) for line in lines]
    return "\n".join(separator.join(c for k, c in enumerate(row) if k != gone) for row in cut)


def _column_twice(lines, separator, rng):
    return "\n".join(f"{line}{separator}{line.split(separator)[-1]}" for line in lines)


def _shuffled(lines, separator, rng):
    rest = lines[1:]
    rng.shuffle(rest)
    return "\n".join([lines[0], *rest])


def _repeated(lines, separator, rng):
    return "\n".join([*lines, *rng.choices(lines, k=3)])


def _ragged(lines, separator, rng):
    k = rng.randrange(len(lines))
    return "\n".join([*lines[:k], lines[k] + separator + "1" + separator + "x", *lines[k + 1 :]])


def _blank_lines(lines, separator, rng):
    k = rng.randrange(len(lines) + 1)
    return "\n".join([*lines[:k], "", "  ", *lines[k:]])


def _signs(lines, separator, rng):
    sign = rng.choice(("$", "-", "€", "+", "~", "'"))
    cut = [line.split(separator) for line in lines[1:]]
    column = rng.randrange(max(len(lines[0].split(separator)), 1))
    for row in cut:
        if column < len(row):
            row[column] = sign + row[column]
    return "\n".join([lines[0], *(separator.join(row) for row in cut)])


def _units(lines, separator, rng):
    unit = rng.choice(("K", "M", "%", " USD", "x"))
    cut = [line.split(separator) for line in lines[1:]]
    column = rng.randrange(max(len(lines[0].split(separator)), 1))
    for row in cut:
        if column < len(row):
            row[column] += unit
    return "\n".join([lines[0], *(separator.join(row) for row in cut)])


def _dates(lines, separator, rng):
    old, new = rng.choice((("2024-", "24-"), ("2024-01", "01/2024"), ("-", "/"), ("2024", "2124"), ("2024-", "0000-")))  # fmt: skip
    return "\n".join(lines).replace(old, new)


def _header_gone(lines, separator, rng):
    return "\n".join(lines[1:])


TEXT = (_separator, _one_cell, _quotes, _quoted, _column_gone, _column_twice, _shuffled, _repeated,
        _ragged, _blank_lines, _signs, _units, _dates, _header_gone)  # fmt: skip


def _adds_up(checked, data: bytes) -> str:
    """What is wrong with the count of cells; empty if nothing is."""
    file = checked.file
    cells = cells_of(file, checked.judged, 0)
    if cells.read != cells.stored + cells.set_aside + cells.unused:
        return f"{cells}"
    if min(cells.stored, cells.set_aside, cells.unused) < 0:
        return f"{cells}"
    if (
        b"\0" in data
        or b"\r" in data
        or "several tickers" in str(file.layouts)
        or "LEAN" in str(file.layouts)
    ):
        return ""
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace")
    separator = max(",;\t|", key=text.count)
    try:
        rows = [r for r in csv.reader(io.StringIO(text), delimiter=separator) if any(r)]
    except csv.Error:
        return ""
    regular = (
        rows
        and "close" in str(rows[0]).lower()
        and len({len(r) for r in rows}) == 1
        and '"' not in text
    )
    expected = (len(rows) - 1) * len(rows[0]) if regular else cells.read
    return "" if cells.read == expected else f"{cells.read} cells read, {expected} in the file"


def _imported(place: Path, path: Path, hints: FileHints) -> str:
    """What is wrong with a store that took the file in; empty if nothing is."""
    store = tc.open_store(place)
    try:
        outcome = store.import_bars(path, hints=hints)
    except TechnicError:
        return "" if store.version().last is None else "refused, and stored all the same"
    bare = Settings.load().uncached()
    report = tc.scan(store, where="close > 0", universe="all", settings=bare)
    cells = outcome.cells
    right = cells.read == cells.stored + cells.set_aside + cells.unused
    return "" if right and report.rows.height <= outcome.symbols else "it does not add up"


CHECKS = {"files": checks_files}
