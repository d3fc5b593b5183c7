"""Whether vendors answer as assumed: what `technic doctor --conformance` does."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import typer

from technic.errors import ProviderError, counted, first_line, printable
from technic.interfaces.cli import options

if TYPE_CHECKING:
    from technic.operations.conformance.vendors import Examinee
    from technic.operations.conformance.verdicts import Examination

DEFAULT_SYMBOLS = ("AAPL", "SPY")  # where no store says who is listed


def run_conformance(desk: options.Desk, *, as_json: bool) -> None:
    """Ask every chosen vendor of which there is a table, and say what differs.

    Raises
    ------
    typer.Exit
        With code 1 if something differs, or a vendor could not be asked.
    """
    from technic.interfaces.cli.sync import ledger
    from technic.operations.conformance.vendors import examinees

    examined: list[Examination] = []
    failed: list[dict[str, str]] = []
    with ExitStack() as stack:
        for examinee in examinees(desk.settings, stack, ledger(desk.store)):
            one, why = _examined(desk, examinee, as_json=as_json)
            if one is not None:
                examined.append(one)
            else:
                failed.append({"vendor": examinee.table.vendor, "why": why})
    if as_json:
        options.emit_json({"vendors": [one.as_dict() for one in examined], "failed": failed})
    if failed or any(one.differences for one in examined):
        raise typer.Exit(1)


def _examined(
    desk: options.Desk, examinee: Examinee, *, as_json: bool
) -> tuple[Examination | None, str]:
    """Say what it costs, ask, and show the verdict; without one, why there is none."""
    from technic.interfaces.render.syncing import duration
    from technic.operations.conformance.vendors import examine_vendor

    name, (calls, minutes) = examinee.table.vendor, examinee.cost
    print(
        f"{name}: {counted(calls, 'call')} at most, {duration(minutes)} at your pace; nothing is stored",
        file=sys.stderr if as_json else sys.stdout,
        flush=True,
    )
    try:
        with options.bar(f"Asking {name}") as advance:
            one = examine_vendor(examinee, desk.settings, _symbols(desk), advance)
    except ProviderError as error:
        print(f"technic: {printable(first_line(error))}", file=sys.stderr)
        return None, first_line(error)
    if not as_json:
        _show(one)
    return one, ""


def _symbols(desk: options.Desk) -> tuple[str, ...]:
    """Two symbols that are listed."""
    if desk.store.version().last is None:
        return DEFAULT_SYMBOLS
    return tuple(desk.store.panel().who["symbol"].head(2).to_list())


def _show(examined: Examination) -> None:
    for difference in examined.differences:
        print(f"look  assumed: {difference.assumed}")
        print(printable(f"      seen:    {difference.seen}"))
        print(f"      breaks:  {difference.breaks}")
    for assumed, why in examined.unjudged.items():
        print(printable(f"open  {assumed}: {why}"))
    count = len(examined.differences)
    print(
        f"{examined.vendor}: {examined.held} assumptions hold, {count} "
        f"difference{'' if count == 1 else 's'}, {len(examined.unjudged)} not judged; "
        f"{counted(examined.calls, 'call')}"
    )
    print(f"The answers, shortened and without keys: {examined.kept}")
