"""Files of listings in a terminal: what was recognised, and what became of every line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TextIO

from technic.errors import printable

if TYPE_CHECKING:
    from technic.data.ingest.listing_files import TakenListings

WIDEST = 24  # characters of a cell
LISTED = 8  # names in a line, and lines of a kind


def render_listings(name: str, taken: TakenListings, out: TextIO) -> None:
    """What became of a file, in a few lines."""
    file = taken.file
    assert file is not None
    layouts = ", ".join(file.layouts)
    dates = f", dates: {file.days}" if file.days else ""
    print(f"{name}: {layouts}{dates}", file=out)
    aside = sum(taken.set_aside.values())
    sums = f"{taken.lines:,} = {taken.rows:,} kept + {aside:,} set aside"
    print(f"  listings {sums}; {taken.new:,} of them new or changed", file=out)
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in taken.types.items())
    never = " (a test is no stock, and in no universe but all)" if "test" in taken.types else ""
    print(f"  types: {kinds}{never}", file=out)
    for reason, count in taken.set_aside.items():
        print(f"  {count:>11,}  set aside: {reason}", file=out)
    for column, (count, example) in file.unreadable.items():
        print(f"  {count:>11,}  {column} unknown, such as {printable(example)!r}", file=out)
    if file.unused:
        print(f"  not used: {_some(file.unused)}", file=out)
    for part, why in list(file.left_out.items())[:LISTED]:
        print(f"  not read: {printable(part)}: {printable(why)}", file=out)
    for alias, ours in taken.aliases.items():
        print(f"  sector {printable(alias)} is {ours} here", file=out)
    if taken.strange:
        print(
            "  sectors left unknown, as they are none of the eleven: " + _some(taken.strange),
            file=out,
        )
    _matches(taken, out)
    for text in taken.told[:LISTED]:
        print(f"  {printable(text)}", file=out)
    if len(taken.told) > LISTED:
        print(f"  and {len(taken.told) - LISTED:,} more of the kind", file=out)


def render_columns(taken: TakenListings, out: TextIO) -> None:
    """Which column of a file is taken for which of ours, with the first line."""
    file = taken.file
    assert file is not None
    first = file.rows.row(0, named=True)
    print(f"  {'here':<10} {'in the file':<22} first", file=out)
    for ours, theirs in file.columns.items():
        value = "–" if first[ours] is None else printable(str(first[ours]))[:WIDEST]
        print(f"  {ours:<10} {printable(theirs)[:22]:<22} {value}", file=out)


def listings_as_dict(taken: TakenListings) -> dict[str, Any]:
    """The same as JSON has it."""
    file = taken.file
    assert file is not None
    return {
        "layouts": file.layouts,
        "columns": file.columns,
        "lines": taken.lines,
        "listings": taken.rows,
        "set_aside": taken.set_aside,
        "new": taken.new,
        "types": taken.types,
        "unreadable": file.unreadable,
        "unused": file.unused,
        "left_out": file.left_out,
        "unknown_sectors": taken.strange,
        "aliases": taken.aliases,
        "without_bars": taken.without_bars,
        "alike": taken.alike,
        "told": taken.told,
    }


def _matches(taken: TakenListings, out: TextIO) -> None:
    """Listings without bars, and symbols that look like them."""
    if not taken.without_bars:
        return
    number = len(taken.without_bars)
    has = "listing has" if number == 1 else "listings have"
    print(f"  {number:,} {has} no bars: {_some(taken.without_bars)}", file=out)
    if taken.alike:
        pairs = [f"{theirs} (listed: {listed})" for listed, theirs in taken.alike.items()]
        print(f"  with bars, alike and without a listing: {_some(pairs)}", file=out)


def _some(names: Any) -> str:
    more = ", …" if len(names) > LISTED else ""
    return ", ".join(printable(str(name)) for name in names[:LISTED]) + more
