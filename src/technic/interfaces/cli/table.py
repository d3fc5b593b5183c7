"""The table of all commands, and the command line made of it: all of it, or one command alone.

A command's module is imported when the command is called. What typer makes of a signature takes
longer than most commands themselves, so the same is true of that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from inspect import getdoc
from typing import Annotated, Any

import typer

from technic.interfaces.cli import options
from technic.runtime.version import __version__

# Commands by name, in the order in which they are listed: where the function is that runs each.
COMMANDS = {
    "demo": "imports.demo",
    "import": "imports.import_",
    "import-listings": "imports.import_listings",
    "import-filings": "filings.import_filings",
    "sync-filings": "filings.sync_filings",
    "import-yahoo": "imports.import_yahoo",
    "init": "sync.init",
    "providers": "sync.providers",
    "sync": "sync.sync",
    "calls": "sync.calls",
    "backup": "maintenance.backup",
    "restore": "maintenance.restore",
    "vacuum": "maintenance.vacuum",
    "scan": "scan.scan",
    "explain": "scan.explain",
    "why-not": "scan.why_not",
    "diff": "monitor.diff",
    "watch": "monitor.watch",
    "daily": "monitor.daily",
    "schedule": "monitor.schedule",
    "serve": "serve.serve",
    "mcp": "serve.mcp",
    "evaluate": "research.evaluate",
    "train": "models.train",
    "models": "models.models",
    "model": "models.model",
    "trials": "models.trials",
    "backtest": "models.backtest",
    "record": "models.record",
    "regime": "research.regime",
    "universe": "research.universe",
    "scores": "research.scores",
    "runs": "research.runs",
    "presets": "status.presets",
    "coverage": "status.coverage",
    "features": "status.features",
    "indicators": "status.indicators",
    "lint": "status.lint",
    "verify": "verify.verify",
    "doctor": "status.doctor",
    "bench": "bench.bench",
    "engine": "rollout.engine",
    "completion": "completion.completion",
}
# Groups of commands: what each says of itself, and its commands as above.
GROUPS = {
    "simulate": ("A simulated vendor.", {"serve": "maintenance.serve"}),
    "cache": (
        "Look at what is kept, or forget it.",
        {"stats": "maintenance.cache_stats", "clear": "maintenance.cache_clear"},
    ),
    "config": ("Show the settings in force.", {"show": "status.config_show"}),
    "rollout": (
        "Let another version take over without risk.",
        {
            "add": "rollout.add",
            "status": "rollout.status",
            "shadow": "rollout.shadow",
            "canary": "rollout.canary",
            "promote": "rollout.promote",
            "rollback": "rollout.rollback",
            "serve": "rollout.serve",
        },
    ),
    "list": (
        "Keep watch-lists.",
        {"add": "status.list_add", "remove": "status.list_remove", "show": "status.list_show"},
    ),
    "plugins": (
        "Scores of your own, in Python.",
        {
            "list": "status.plugins_list",
            "trust": "status.plugins_trust",
            "forget": "status.plugins_forget",
        },
    ),
    "saved": (
        "Scans that are kept.",
        {
            "list": "alerts.saved_list",
            "show": "alerts.saved_show",
            "remove": "alerts.saved_remove",
        },
    ),
    "alerts": (
        "Tell somebody when a scan changes.",
        {
            "add": "alerts.alerts_add",
            "remove": "alerts.alerts_remove",
            "channels": "alerts.alerts_channels",
            "test": "alerts.alerts_test",
            "list": "alerts.alerts_list",
            "deliver": "alerts.alerts_deliver",
        },
    ),
    "keys": (
        "Keys of the HTTP API.",
        {
            "create": "serve.keys_create",
            "list": "serve.keys_list",
            "revoke": "serve.keys_revoke",
        },
    ),
}
SWITCHES = {"-v", "--verbose", "--log-json"}  # that may stand before a command


def command_line(words: Sequence[str] = ()) -> typer.Typer:
    """The command line; of all its commands only the one that `words` call, if they call one.

    Parameters
    ----------
    words : as they were typed, without the program's name
    """
    called = next((word for word in words if word not in SWITCHES), "")
    alone = called in COMMANDS or called in GROUPS
    app = typer.Typer(
        name="technic",
        help="Scan the whole US stock market: which stocks, in which order, and why.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(logged)
    for name, place in COMMANDS.items():
        if not alone or name == called:
            command = _function(place)
            app.command(name, help=help_of(command))(command)
    for name, (text, commands) in GROUPS.items():
        if not alone or name == called:
            group = typer.Typer(help=text, no_args_is_help=True)
            for inner, place in commands.items():
                group.command(inner)(_function(place))
            app.add_typer(group, name=name)
    return app


def _function(place: str) -> Callable[..., None]:
    """The function at `module.function` of this package."""
    module, _, name = place.partition(".")
    function: Any = getattr(import_module(f"technic.interfaces.cli.{module}"), name)
    return function  # type: ignore[no-any-return]


def help_of(command: Callable[..., None]) -> str:
    """The help of a command, from its docstring; indented examples keep their lines."""
    paragraphs = (getdoc(command) or "").split("\n\n")
    marked = (f"\b\n{text}" if text.startswith(" ") else text for text in paragraphs)
    return "\n\n".join(marked)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"technic {__version__}")
        raise typer.Exit


def logged(
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Log to the terminal too.")
    ] = False,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Log as JSON, one line each.")
    ] = False,
    version: Annotated[  # noqa: ARG001 -- its callback does it all
        bool,
        typer.Option(
            "--version", help="Say which version this is.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Set up the log, which rotates in the state folder."""
    options.logging_as(verbose=verbose, as_json=log_json)
