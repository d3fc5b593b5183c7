"""Commands that let another version take over without risk."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import typer

from technic.errors import ConfigError, counted
from technic.interfaces.cli import options

if TYPE_CHECKING:
    from technic.operations.rollout import Observation, Rollout, RolloutFile

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="An engine.")]


def _file() -> RolloutFile:
    from technic.operations.rollout.state import RolloutFile as File
    from technic.runtime.settings import Settings

    return File(Settings.load().state / "rollout")


def engine() -> None:
    """Answer scans as lines of JSON, until there are no more: what a rollout starts."""
    from technic.operations.rollout.engine import serve

    serve()


def serve() -> None:
    """Answer scans as lines of JSON by the engine that is in force, and watch the candidate."""
    from technic.operations.rollout import Router
    from technic.operations.rollout.lines import answer_lines

    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    router = Router(_file())
    try:
        answer_lines(sys.stdin.buffer, out, router.answer)
        router.settle()
    finally:
        router.close()


def add(
    name: NameArgument,
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="Python of another environment, or an engine program."),
    ],
) -> None:
    """Register another installed version, by its path and the digest of its code."""
    from technic.operations.rollout.state import register

    engine = register(name, path)
    _file().change(lambda now: now.with_engine(engine))
    print(f"{name}: technic {engine.version} at {engine.path}, code {engine.code[:12]}")
    print(f"Next: technic rollout shadow {name}")


def shadow(
    name: NameArgument,
    overlap: Annotated[
        float | None,
        typer.Option(
            help="Share of the first 50 that must agree; identical by default.", min=0.0, max=1.0
        ),
    ] = None,
) -> None:
    """Ask an engine beside the stable one; nobody is given its answers."""
    now = _file().change(lambda held: held.shadowing(name, overlap))
    print(f"{name} is asked beside {now.stable}; its answers are compared, not given")
    print("Next: technic rollout status · technic rollout canary 10")


def canary(
    share: Annotated[
        int, typer.Argument(metavar="PERCENT", help="Of the questions.", min=1, max=100)
    ],
) -> None:
    """Give the candidate's answers for a share of the questions; it grows by itself, 10, 50, 100."""
    now = _file().change(lambda held: held.sharing(share))
    print(f"{now.candidate} answers for {share} % of the questions; one that differs takes it back")


def promote(
    anyway: Annotated[bool, typer.Option("--anyway", help="Although too little was seen.")] = False,
) -> None:
    """Make the candidate the stable engine."""
    from technic.operations.rollout.health import judge
    from technic.operations.rollout.trial import read_record

    file = _file()
    held = file.read()
    if held.candidate and not anyway:
        verdict = judge(read_record(file, held.generation), held.share, held.overlap)
        if held.share < 100 or verdict.what != "advance":
            raise ConfigError(
                f"{held.candidate} is at {held.share} % ({verdict.why}); promote it at 100 %, or "
                "with --anyway"
            )
    now = file.change(lambda state: state.promoted())
    print(
        f"{now.stable} is the stable engine; {now.previous} comes back with: technic rollout rollback"
    )


def rollback(
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "by hand",
) -> None:
    """Return to the engine before. Works with nothing else running."""
    now = _file().change(lambda held: held.rolled_back(reason))
    print(f"{now.stable} answers")


def status(as_json: options.JsonOption = False) -> None:
    """Which engine answers, who is tried beside it, and what was seen of it."""
    from technic.operations.rollout.trial import read_record

    file = _file()
    held = file.read()
    seen = read_record(file, held.generation) if held.generation else []
    if as_json:
        options.emit_json(_as_dict(held, seen))
        return
    print(f"stable     {held.stable}")
    for name, about in held.engines.items():
        print(f"engine     {name}: technic {about.version}, {about.path}, code {about.code[:12]}")
    if held.candidate:
        demanded = "identical answers" if held.overlap is None else f"overlap ≥ {held.overlap:.2f}"
        print(f"candidate  {held.candidate}, {held.phase} {held.share} %, {demanded}")
    elif held.phase != "none":
        print(f"last       {held.phase}{': ' if held.reason else ''}{held.reason}, {held.since}")
    if seen:
        _print_seen(held, seen)


def _as_dict(held: Rollout, seen: list[Observation]) -> dict[str, Any]:
    from dataclasses import asdict

    from technic.operations.rollout.health import judge

    verdict = judge(seen, held.share, held.overlap) if seen else None
    return {
        **asdict(held),
        "answers": len(seen),
        "identical": sum(one.same for one in seen),
        "errors": sum(bool(one.error) for one in seen),
        "given": sum(one.given for one in seen),
        "p95_ms": _p95([one.ms for one in seen if not one.error]),
        "stable_p95_ms": _p95([one.stable_ms for one in seen]),
        "overlap_mean": sum(one.overlap for one in seen) / len(seen) if seen else None,
        "verdict": None if verdict is None else asdict(verdict),
    }


def _print_seen(held: Rollout, seen: list[Observation]) -> None:
    from technic.operations.rollout.health import judge

    about = _as_dict(held, seen)
    print(
        f"seen       {counted(about['answers'], 'answer')}, {about['identical']:,} identical, {about['errors']:,} "
        f"failed, {about['given']:,} given"
    )
    held_last = next((one for one in reversed(seen) if one.rss), seen[-1])
    near = [one.correlation for one in seen if one.correlation is not None]
    order = f", rank correlation {median(near):.3f}" if near else ""
    print(
        f"           p95 {about['p95_ms'] or 0:,.0f} ms beside {about['stable_p95_ms'] or 0:,.0f}; overlap "
        f"{about['overlap_mean']:.3f}{order}; {held_last.rss / 1e6:,.0f} MB beside "
        f"{held_last.stable_rss / 1e6:,.0f}"
    )
    if held.candidate:
        verdict = judge(seen, held.share, held.overlap)
        print(f"verdict    {verdict.what}: {verdict.why}")


def _p95(values: list[float]) -> float | None:
    return sorted(values)[int(0.95 * (len(values) - 1))] if values else None
