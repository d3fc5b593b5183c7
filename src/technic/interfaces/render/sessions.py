"""One question on many sessions: a table, CSV, JSON, Parquet."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import polars as pl

from technic.errors import ConfigError, counted
from technic.interfaces.render.export import safe_csv
from technic.interfaces.render.terminal import put
from technic.interfaces.render.text import console

if TYPE_CHECKING:
    from technic.scanner.scan_sessions import Reports

FORMS = ("csv", "json", "parquet")
SHOWN = 20  # sessions, of many


def render_sessions(reports: Reports, seconds: float, stream: TextIO) -> None:
    """One line per session: how many were ranked, which came first; the newest sessions."""
    out = console(stream)
    if reports.simulated:
        out.print("SIMULATED MARKET", style="bold")
    n = reports.sessions.height
    out.print(
        f"[bold]{reports.asked['name']}[/bold]   {counted(n, 'session')}, each a scan of its own"
    )
    best = (
        reports.rows.filter(pl.col("rank") <= 5)
        .group_by("session", maintain_order=True)
        .agg(pl.col("symbol").str.join("  "))
        if reports.rows.height
        else pl.DataFrame(schema={"session": pl.Date, "symbol": pl.String})
    )
    table = reports.sessions.join(best, on="session", how="left", maintain_order="left")
    for row in table.tail(SHOWN).iter_rows(named=True):
        out.print(
            f"{row['session']}  {row['ranked']:6,} of {row['listed']:6,}   {row['symbol'] or 'none'}",
            highlight=False,
        )
    if n > SHOWN:
        out.print(f"The last {SHOWN} of {n}; all with --format csv|parquet|json", highlight=False)
    if reports.lost:
        days = ", ".join(str(day) for day in reports.lost)
        out.print(f"lost: {days}: no worker survived them", highlight=False)
    out.print(
        f"{seconds:,.1f} s, {1e3 * seconds / max(n, 1):,.0f} ms a session   sealed {reports.seal[:12]}",
        highlight=False,
    )


def write_sessions(reports: Reports, form: str, out: Path | None) -> None:
    """All rows of all sessions in one of `FORMS`, to a file or to standard output.

    Raises
    ------
    ConfigError
        If there is no such form for many sessions, or the file cannot be written.
    """
    if form not in FORMS:
        raise ConfigError(f"--format {form}: of many sessions there are {', '.join(FORMS)}")
    what = f"{counted(reports.rows.height, 'row')} of {counted(reports.sessions.height, 'session')}"
    put(_content(reports, form), form, out, what)


def _content(reports: Reports, form: str) -> bytes:
    if form == "json":
        import orjson

        return orjson.dumps(reports.as_dict(), option=orjson.OPT_INDENT_2) + b"\n"
    rows = reports.rows
    if reports.simulated:
        rows = rows.with_columns(simulated=pl.lit("SIMULATED"))
    if form == "csv":
        return safe_csv(rows)
    buffer = io.BytesIO()
    rows.write_parquet(buffer)
    return buffer.getvalue()
