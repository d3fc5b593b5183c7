"""The command that proves: a sealed answer run again, state carried on computed anew."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from technic.errors import VerifyError, counted
from technic.interfaces.cli import options

if TYPE_CHECKING:
    from technic.scanner.report import Report
    from technic.scanner.verify import SealedFile

SEAL = re.compile("[0-9a-f]{12,32}")  # as a scan prints it, or whole


@dataclass(frozen=True)
class Rerun:
    """What came out when a question was asked again.

    Attributes
    ----------
    manifest, content : of the answer; all that a JSON file would hold
    page : makes the page of it
    """

    manifest: dict[str, Any]
    content: dict[str, Any]
    page: Callable[[], str]


def verify(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A JSON report, its page, or a manifest."),
    ] = None,
    incremental: Annotated[
        bool, typer.Option("--incremental", help="Prove that carrying state on changes no bit.")
    ] = False,
    nights: Annotated[int, typer.Option(help="Nights to replay.", min=1, max=1_000_000)] = 10,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Run a sealed answer again and compare all that the file says; or prove incremental scans.

    Every row, figure, bucket, note and plan is compared, and the first difference named.
    """
    from technic.scanner.verify import changed_line, compare, differences, read_sealed

    if incremental:
        _verify_nights(options.desk(store), nights, as_json)
        return
    if file is None:
        raise VerifyError("nothing to verify: give a report made with --json, or --incremental")
    if SEAL.fullmatch(str(file)) and not file.exists():
        raise VerifyError(
            f"{file}: is a seal; an answer is run again from a file: technic scan … --json > "
            "report.json, then technic verify report.json"
        )
    sealed = read_sealed(file)
    desk = options.desk(store)
    options.ensure_compiled(desk.settings)
    again = _rerun(desk, sealed)
    if sealed.page:
        line = changed_line(sealed.page, again.page())
        found = compare(sealed.manifest, again.manifest) or ([line] if line else [])
    else:
        found = differences(sealed, again.manifest, again.content)
    if as_json:
        options.emit_json({"verified": not found, "differences": found})
        if found:
            sys.exit(1)
        return
    if found:
        raise VerifyError(f"{file}: not reproduced: {'; '.join(found)}")
    what = "a manifest alone; it gives " if sealed.bare else ""
    print(f"{file}: {what}the same answer, byte for byte; sealed {sealed.manifest['seal']}")


def _rerun(desk: options.Desk, sealed: SealedFile) -> Rerun:
    """Ask again what a manifest says was asked.

    Raises
    ------
    VerifyError
        If the manifest, although sealed, names nothing that could be asked.
    """
    try:
        question = sealed.manifest["question"]
        if "backtest" in question:
            return _backtest(desk, sealed)
        if "record" in question:
            return _record(desk, sealed)
        if "sessions" in question:
            return _sessions(desk, sealed)
        return _scan(desk, sealed)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise VerifyError(
            f"the manifest names no question that technic could ask ({type(error).__name__}: {error})"
        ) from error


def _scan(desk: options.Desk, sealed: SealedFile) -> Rerun:
    from technic.interfaces.render.report_page import REGIME, page
    from technic.scanner.scan import rerun

    report = rerun(desk.store, sealed.manifest, desk.settings)
    if sealed.content.get("regime") is not None or REGIME in sealed.page:
        report = _with_regime(desk, report)
    return Rerun(report.manifest, report.as_dict(), lambda: page(report))


def _with_regime(desk: options.Desk, report: Report) -> Report:
    """The report with how the market stood, on the store version that the manifest names."""
    from technic.scanner.columns.attributes import Attributes
    from technic.scanner.columns.regime import regime_of

    manifest = report.manifest
    version = desk.store.version(int(manifest["store_number"]))
    known_at = manifest["known_at"]
    view = desk.store.panel(
        date.fromisoformat(manifest["as_of"]) if known_at else None,
        datetime.fromisoformat(known_at) if known_at else None,
        version,
    )
    regime = regime_of(Attributes(desk.store, view, desk.settings.uncached()))
    return replace(report, regime=regime.as_dict())


def _backtest(desk: options.Desk, sealed: SealedFile) -> Rerun:
    from technic.interfaces.render.backtest import told
    from technic.interfaces.render.backtest_page import backtest_page
    from technic.research.backtest.run import rerun_backtest

    result = rerun_backtest(desk.store, sealed.manifest, desk.settings)
    return Rerun(dict(result.manifest), told(result), lambda: backtest_page(result))


def _record(desk: options.Desk, sealed: SealedFile) -> Rerun:
    from technic.research.track_record import rerun_record

    result = rerun_record(desk.store, sealed.manifest, desk.settings)
    return Rerun(dict(result.manifest), result.as_dict(), str)


def _sessions(desk: options.Desk, sealed: SealedFile) -> Rerun:
    from technic.scanner.scan_sessions import rerun_sessions

    reports = rerun_sessions(desk.store, sealed.manifest, desk.settings)
    return Rerun(reports.manifest, reports.as_dict(), str)


def _verify_nights(desk: options.Desk, nights: int, as_json: bool) -> None:
    from dataclasses import asdict

    from technic.compute.incremental_check import prove

    options.ensure_compiled(desk.settings)
    options.progress("Verifying")("replaying nights")
    proof = prove(desk.store, desk.settings, nights)
    options.progress_done()
    if as_json:
        options.emit_json(asdict(proof))
    if proof.differing:
        raise VerifyError(
            f"{desk.store.folder}: {proof.differing:,} of {counted(proof.values, 'value')} differ between "
            "state carried on and a store built anew; delete the cache: technic cache clear"
        )
    if not as_json:
        work = " · ".join(f"{what} {n:,}" for what, n in proof.work.items())
        print(
            f"{proof.nights} nights carried on one by one, then the same store built anew in "
            f"another process:\n0 of {counted(proof.values, 'value')} of {counted(proof.symbols, 'symbol')} differ "
            f"in a single bit (≤ 3/n = {3 / proof.values:.0e}). Symbols {work}"
        )
