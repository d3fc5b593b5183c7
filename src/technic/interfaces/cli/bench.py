"""The command that measures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer

from technic.errors import ConfigError
from technic.interfaces.cli import options


def bench(
    full: Annotated[bool, typer.Option("--full", help="Baselines on every symbol.")] = False,
    against: Annotated[
        Path | None, typer.Option(metavar="OLD.json", help="Mark what is slower than it was.")
    ] = None,
    out: options.PageOption = None,
    gpu: Annotated[
        bool, typer.Option("--gpu", help="Only this: models on the graphics card, and here.")
    ] = False,
    runs: Annotated[
        int, typer.Option(help="Measured runs of each figure.", min=1, max=1_000_000)
    ] = 5,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """Measure the scan on this machine: your store, or a simulated market if you have none.

    The ladder of sizes, twelve checks, the plan's targets, what each step of it is worth, pools of
    workers, and the scan that came before on the same bars. Takes some minutes.
    """
    from technic.interfaces.render.bench import bench_page, render_bench
    from technic.operations.bench.comparing import compare
    from technic.operations.bench.run import run

    if gpu:
        _card(runs, as_json)
        return
    options.check_page(out)
    old = None if against is None else _read(against)
    desk = options.desk(store)
    options.ensure_compiled(desk.settings)
    own = desk.store if store is not None or desk.store.version().last is not None else None
    with options.bar("Measuring") as advance:
        results = run(own, desk.settings, full=full, runs=runs, progress=advance)
    if old is not None:
        results["regressions"] = compare(old, results)
    if out is not None:
        out.write_text(bench_page(results), encoding="utf-8")
    if as_json:
        options.emit_json(results)
    else:
        render_bench(results, sys.stdout)
        if out is not None:
            print(f"Plots: {out}")
    failed = any(check["holds"] is False for check in results["checks"])
    if failed or any(row["regression"] for row in results.get("regressions", [])):
        sys.exit(1)


def _card(runs: int, as_json: bool) -> None:
    from technic.operations.bench.card import measure_card

    figures = measure_card(runs)
    if as_json:
        options.emit_json(figures)
        return
    if figures["card"] is None:
        print(f"No graphics card: {figures['why']}")
        return
    print(f"{figures['card']}; {figures['model']}")
    for row in figures["rows"]:
        print(
            f"{row['rows']:>9,} rows  here {row['cpu_ms']:8.1f} ms  card {row['card_ms']:7.2f} ms  "
            f"{row['times']:6.1f} ×  {row['bytes'] / 1e6:7,.0f} MB  "
            f"{'the same bits' if row['equal'] else 'OTHER BITS'}"
        )


def _read(path: Path) -> dict[str, object]:
    try:
        results = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise ConfigError(f"--against {path}: is no result of technic bench --json") from error
    if not isinstance(results, dict) or "ladder" not in results:
        raise ConfigError(f"--against {path}: is no result of technic bench --json")
    return results
