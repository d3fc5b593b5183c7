"""Commands about what is kept and told: saved scans, alerts and their channels."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from technic.errors import ConfigError, counted, printable
from technic.interfaces.cli import options

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The name it was given.")]


def saved_list(as_json: options.JsonOption = False) -> None:
    """The scans that are kept: what the daily loop runs, and the pages open with."""
    from technic.operations.saved_scans import folder_of, saved_scans
    from technic.runtime.settings import Settings

    settings = Settings.load()
    scans = saved_scans(settings)
    if as_json:
        options.emit_json(
            [
                {"name": s.name, "title": s.title, "trouble": s.trouble, "file": s.content}
                for s in scans
            ]
        )
        return
    if not scans:
        print('None yet: technic scan -e "rsi(14) < 30" --save dips, or put scan files into')
        print(folder_of(settings))
    for one in scans:
        alert = one.file.alert if one.file else None
        recipients = f"tells {', '.join(alert.to) or 'nobody'}" if alert else ""
        print(f"{one.name:<24} {one.trouble or one.title:<40} {recipients}".rstrip())


def saved_show(name: NameArgument) -> None:
    """A saved scan, as TOML."""
    import tomli_w

    from technic.operations.saved_scans import saved_scan
    from technic.runtime.settings import Settings

    scan = saved_scan(Settings.load(), name)
    if scan.file is None:
        raise ConfigError(scan.trouble)
    print(tomli_w.dumps(scan.content), end="")


def saved_remove(name: NameArgument, store: options.StoreOption = None) -> None:
    """Delete a saved scan, and what was remembered of whom its alerts have told."""
    from technic.operations.alerts import AlertBook
    from technic.operations.saved_scans import forget_scan

    desk = options.desk(store)
    print(f"{name}: " + ("deleted" if forget_scan(desk.settings, name) else "there was none"))
    if desk.store.version().number:
        AlertBook(desk.store.catalog).forget(name)


def alerts_add(
    name: NameArgument,
    address: Annotated[
        str | None,
        typer.Argument(
            metavar="ADDRESS",
            help="https://… for a webhook, smtp://…?to=… for mail, or one of apprise. "
            "Read from standard input if left out, so that no history keeps it.",
        ),
    ] = None,
) -> None:
    """Name a place that alerts are sent to.

    technic alerts add desk https://hooks.example.com/…
    technic alerts add mail 'smtp://me:password@mail.example.com:587/?to=me@example.com'
    """
    from technic.operations.alerts import keep_channel
    from technic.runtime.settings import Settings

    given = address if address is not None else sys.stdin.readline().strip()
    channel = keep_channel(name, given, Settings.load())
    print(f"{name}: {channel.kind} at {channel.where}, kept where only you can read it")
    print(f"Try it: technic alerts test {name}")


def alerts_remove(name: NameArgument) -> None:
    """Take a channel away; what waits for it goes on waiting."""
    from technic.operations.alerts.channels import forget_channel
    from technic.runtime.settings import Settings

    print(f"{name}: " + ("forgotten" if forget_channel(name, Settings.load()) else "there is none"))


def alerts_channels(as_json: options.JsonOption = False) -> None:
    """The places that alerts are sent to; addresses hold secrets and are not shown."""
    from technic.operations.alerts import channels_of
    from technic.runtime.settings import Settings

    channels = channels_of(Settings.load()).values()
    if as_json:
        options.emit_json([{"name": c.name, "kind": c.kind, "where": c.where} for c in channels])
        return
    for channel in channels:
        print(f"{channel.name:<16} {channel.kind:<8} {channel.where}")
    if not channels:
        print("None yet: technic alerts add desk https://…")


def alerts_test(name: NameArgument) -> None:
    """Send a word to a channel."""
    from datetime import UTC, datetime

    from technic.operations.alerts import Alert, channels_of
    from technic.runtime.settings import Settings

    channel = channels_of(Settings.load()).get(name)
    if channel is None:
        raise ConfigError(f"{name}: there is no such channel; technic alerts add {name} ADDRESS")
    now = datetime.now(UTC)
    word = Alert(
        "test", now, "test", "technic", "entered", 0, "TEST", "this is a test", now.date(), False
    )
    channel.send("technic: a test", [word], f"test-{now:%Y%m%d%H%M%S}")
    print(f"{name}: taken")


def alerts_list(
    last: Annotated[int, typer.Option(help="How many.", min=1, max=5_000)] = 30,
    store: options.StoreOption = None,
    as_json: options.JsonOption = False,
) -> None:
    """The newest alerts, and where each went."""
    from technic.operations.alerts import AlertBook

    desk = options.desk(store)
    rows = AlertBook(desk.store.catalog).alerts(last)
    if as_json:
        options.emit_json(rows)
        return
    for row in rows:
        sent = ", ".join(
            f"{d['channel']} {d['state']}" + (f" ({d['note']})" if d["note"] else "")
            for d in row["deliveries"]
        )
        print(
            f"{row['at']:%Y-%m-%d %H:%M}  {row['scan']:<20} {row['kind']:<8} {row['symbol']:<8} "
            f"{printable(row['detail'])}" + (f"  [{printable(sent)}]" if sent else "")
        )
    if not rows:
        print("None yet.")


def alerts_deliver(store: options.StoreOption = None) -> None:
    """Send what waits, now; the daily loop, watch and serve do it by themselves."""
    from technic.operations.alerts import channels_of, deliver

    desk = options.desk(store)
    done = deliver(desk.store.catalog, channels_of(desk.settings), desk.store.folder)
    print(
        f"{counted(done.alerts, 'alert')} in {counted(done.messages, 'message')}; {done.waiting} waiting"
    )
    if done.failed:
        raise typer.Exit(1)
