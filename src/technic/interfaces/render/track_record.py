"""What kept reports came to, in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from rich.table import Table

from technic.errors import counted
from technic.interfaces.render.backtest import percent
from technic.interfaces.render.text import console

if TYPE_CHECKING:
    from technic.research.track_record import Record


def render_record(record: Record, stream: TextIO) -> None:
    """What kept reports came to: the excess by horizon, then the newest nights."""
    out = console(stream)
    if record.simulated:
        out.print("SIMULATED MARKET", style="bold yellow")
    out.print(
        f"{record.scan}: {counted(len(record.nights), 'night')} kept", style="bold", highlight=False
    )
    for h, part in record.by_horizon.items():
        if part["mean"] is None:
            out.print(f"{counted(int(h), 'session'):>12}: not known yet", highlight=False)
            continue
        span = (
            f"95 % interval {percent(part['low'], 2)} to {percent(part['high'], 2)}"
            if part["low"] is not None
            else "too few nights for an interval"
        )
        significant = part["low"] is not None and (part["low"] > 0.0 or part["high"] < 0.0)
        out.print(
            f"{counted(int(h), 'session'):>12}: picks less their universe {percent(part['mean'], 2)}, {span}; "
            f"{part['nights']:,} nights, above in {part['above']:.0%}"
            + ("" if significant else ": not told from zero"),
            highlight=False,
        )
    if record.unproven:
        out.print(
            f"{record.unproven:,} reports are left out: they are not reproduced byte for byte",
            highlight=False,
        )
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("session", "picks", "1", "less universe", "5", "less universe", "first names"):
        table.add_column(name, justify="left" if name in {"session", "first names"} else "right")
    for night in record.nights[-10:]:
        cells = []
        for sessions in (1, 5):
            mine, theirs = night[f"picks_{sessions}"], night[f"universe_{sessions}"]
            less = None if mine is None or theirs is None else mine - theirs
            cells += [percent(mine, 2), percent(less, 2)]
        table.add_row(
            night["session"], str(len(night["picks"])), *cells, " ".join(night["picks"][:5])
        )
    out.print(table)
