"""The commands. Each parses, calls one function, renders; nothing is computed here.

Everything heavy is imported inside the command that needs it, so that `technic --help` answers
at once.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from inspect import getdoc
from typing import Annotated

import typer

from technic.errors import QuestionError, TechnicError, printable
from technic.interfaces.cli import (
    alerts,
    bench,
    filings,
    imports,
    maintenance,
    models,
    monitor,
    options,
    research,
    rollout,
    scan,
    serve,
    status,
    sync,
    verify,
)

STOPPED = 130
FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
NAMES = {errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL}  # of files that no system has

app = typer.Typer(
    name="technic",
    help="Scan the whole US stock market: which stocks, in which order, and why.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="Show the settings in force.", no_args_is_help=True)
cache_app = typer.Typer(help="Look at what is kept, or forget it.", no_args_is_help=True)
simulate_app = typer.Typer(help="A simulated vendor.", no_args_is_help=True)
plugins_app = typer.Typer(help="Scores of your own, in Python.", no_args_is_help=True)
rollout_app = typer.Typer(help="Let another version take over without risk.", no_args_is_help=True)
saved_app = typer.Typer(help="Scans that are kept.", no_args_is_help=True)
keys_app = typer.Typer(help="Keys of the HTTP API.", no_args_is_help=True)
alerts_app = typer.Typer(help="Tell somebody when a scan changes.", no_args_is_help=True)
list_app = typer.Typer(help="Keep watch-lists.", no_args_is_help=True)


def help_of(command: Callable[..., None]) -> str:
    """The help of a command, from its docstring; indented examples keep their lines."""
    paragraphs = (getdoc(command) or "").split("\n\n")
    marked = (f"\b\n{text}" if text.startswith(" ") else text for text in paragraphs)
    return "\n\n".join(marked)


for _command in (
    imports.demo,
    imports.import_,
    imports.import_listings,
    filings.import_filings,
    filings.sync_filings,
    imports.import_yahoo,
    sync.init,
    sync.providers,
    sync.sync,
    sync.calls,
    maintenance.backup,
    maintenance.restore,
    maintenance.vacuum,
    scan.scan,
    scan.explain,
    scan.why_not,
    monitor.diff,
    monitor.watch,
    monitor.daily,
    monitor.schedule,
    serve.serve,
    serve.mcp,
    research.evaluate,
    models.train,
    models.models,
    models.model,
    models.trials,
    models.backtest,
    models.record,
    research.regime,
    research.universe,
    research.scores,
    research.runs,
    status.presets,
    status.coverage,
    status.features,
    status.indicators,
    status.lint,
    verify.verify,
    status.doctor,
    bench.bench,
    rollout.engine,
):
    app.command(_command.__name__.rstrip("_").replace("_", "-"), help=help_of(_command))(_command)
config_app.command("show")(status.config_show)
plugins_app.command("list")(status.plugins_list)
plugins_app.command("trust")(status.plugins_trust)
plugins_app.command("forget")(status.plugins_forget)
list_app.command("add")(status.list_add)
list_app.command("remove")(status.list_remove)
list_app.command("show")(status.list_show)
saved_app.command("list")(alerts.saved_list)
saved_app.command("show")(alerts.saved_show)
saved_app.command("remove")(alerts.saved_remove)
for _tell in ("add", "remove", "channels", "test", "list", "deliver"):
    alerts_app.command(_tell)(getattr(alerts, f"alerts_{_tell}"))
for _key in ("create", "list", "revoke"):
    keys_app.command(_key)(getattr(serve, f"keys_{_key}"))
simulate_app.command("serve")(maintenance.serve)
cache_app.command("stats")(maintenance.cache_stats)
cache_app.command("clear")(maintenance.cache_clear)
app.add_typer(simulate_app, name="simulate")
app.add_typer(cache_app, name="cache")
app.add_typer(config_app, name="config")
for _step in (
    rollout.add,
    rollout.status,
    rollout.shadow,
    rollout.canary,
    rollout.promote,
    rollout.rollback,
    rollout.serve,
):
    rollout_app.command(_step.__name__)(_step)
app.add_typer(rollout_app, name="rollout")
app.add_typer(list_app, name="list")
app.add_typer(plugins_app, name="plugins")
app.add_typer(saved_app, name="saved")
app.add_typer(alerts_app, name="alerts")
app.add_typer(keys_app, name="keys")


@app.callback()
def logged(
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Log to the terminal too.")
    ] = False,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Log as JSON, one line each.")
    ] = False,
) -> None:
    """Set up the log, which rotates in the state folder."""
    options.logging_as(verbose=verbose, as_json=log_json)


def _end_if_refused(error: Exception) -> None:
    """End with one line if the disk has no room, or the system takes no such name."""
    if isinstance(error, OSError) and error.errno in NAMES:
        shown = printable(str(error.filename or ""))[:80]
        print(f"technic: {shown}: {error.strerror}; nothing was changed", file=sys.stderr)
        sys.exit(1)
    if isinstance(error, OSError) and error.errno in FULL:
        print(
            f"technic: {error.filename or 'the disk'}: cannot be written ({error.strerror}); what "
            "was stored is safe. Make room on the disk, and run the command again",
            file=sys.stderr,
        )
        sys.exit(1)


def main() -> None:
    """The command line. Exit codes: 0 fine, 1 a clear error, 2 wrong usage, 130 stopped."""
    from technic.interfaces.render.terminal import guarded

    with guarded():
        _run()


def _run() -> None:
    try:
        code = app(standalone_mode=False)
    except TechnicError as error:
        # A question's error shows the line in question; every other is one line.
        said = str(error) if isinstance(error, QuestionError) else printable(str(error))
        print(f"technic: {said}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(0)
    except (KeyboardInterrupt, typer.Abort):
        code = STOPPED
    except Exception as error:  # a full disk, a usage error of typer's own, or a defect of ours
        _end_if_refused(error)
        show = getattr(error, "show", None)
        if show is None:
            raise
        show()
        sys.exit(getattr(error, "exit_code", 2))
    else:
        if not isinstance(code, int):
            return
    if code == STOPPED:  # typer hands it back instead of raising
        print("\ntechnic: stopped; what was stored is safe", file=sys.stderr)
    sys.exit(code)
