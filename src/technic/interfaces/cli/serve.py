"""Commands that serve: pages and HTTP, its keys, agents."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from technic.errors import ConfigError, counted, not_installed
from technic.interfaces.beside import code_here
from technic.interfaces.cli import options
from technic.interfaces.cli.groups import grouped

if TYPE_CHECKING:
    from technic.interfaces.http.state import Exposure
    from technic.runtime.settings import Settings

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class ListenOptions:
    """Where a server listens, and who may reach it."""

    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on.")] = 8600
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="A name that pages are asked for under."),
    ] = None
    certificate: Annotated[
        Path | None, typer.Option("--certificate", metavar="PEM", help="Serve https with this …")
    ] = None
    private_key: Annotated[
        Path | None, typer.Option("--private-key", metavar="PEM", help="… and this.")
    ] = None
    behind_tls: Annotated[
        bool, typer.Option("--behind-tls", help="A proxy in front speaks https to the world.")
    ] = False
    require_key: Annotated[
        bool, typer.Option("--require-key", help="On this machine too, nothing without a key.")
    ] = False

    @property
    def secure(self) -> bool:
        """Whether the world reaches the server by https."""
        return self.certificate is not None or self.behind_tls

    @property
    def url(self) -> str:
        """The address to open."""
        scheme = "https" if self.certificate is not None else "http"
        return f"{scheme}://{self.host}:{self.port}"


@grouped
def serve(
    listen: ListenOptions,
    *,
    watch: Annotated[
        list[str] | None, typer.Option("--watch", metavar="SCAN", help="Look at this scan live.")
    ] = None,
    every: Annotated[str, typer.Option(metavar="TIME", help="Between looks.")] = "60s",
    store: options.StoreOption = None,
) -> None:
    """Serve the pages and the HTTP API, from this machine to this machine.

    Other machines are let in only with keys and over https: technic keys create.
    """
    code = code_here()  # first of all: as it is when this process imports it
    _installed()
    from technic.interfaces.cli.socket_door import SocketDoor
    from technic.interfaces.http.app import create_app
    from technic.interfaces.http.server import BoundedServer
    from technic.interfaces.http.state import ServerState
    from technic.scanner.spec.alert_rules import duration

    desk = options.desk(store)
    desk.store.require()
    options.ensure_compiled(desk.settings)
    check_listening(desk, listen)
    state = ServerState(desk.store, desk.settings, exposure_of(listen, desk.settings), _feed(desk))
    state.door = SocketDoor(state, desk.place, code)
    app = create_app(state)
    for name in watch or ():
        state.watches.start(name, duration(every, "--every").total_seconds())
    print(f"technic at {listen.url}   store {desk.store.folder} ({desk.origin})")
    if listen.host not in LOOPBACK:
        print(
            "Others can see this market's data. Vendors license it for your own use: what may be "
            "shown to others is in docs/guides/data-licences.md",
            file=sys.stderr,
        )
    print("Ctrl-C ends it.", flush=True)
    server = BoundedServer(
        app,
        state.give_up,
        state.exposure.proxies,
        host=listen.host,
        port=listen.port,
        ssl_certfile=listen.certificate,
        ssl_keyfile=listen.private_key,
    )
    server.run()


def _installed() -> None:
    try:
        import fastapi  # noqa: F401
        import prometheus_client  # noqa: F401
    except ModuleNotFoundError as error:
        raise not_installed(error, "web") from error


def check_listening(desk: options.Desk, listen: ListenOptions) -> None:
    """Refuse to be reached from elsewhere without keys and https."""
    host = listen.host
    if host in LOOPBACK:
        return
    from datetime import UTC, datetime

    from technic.interfaces.http.api_keys import keys_of

    now = datetime.now(UTC)
    if not any(key.is_good(now) for key in keys_of(desk.store.catalog)):
        raise ConfigError(
            f"--host {host}: other machines are let in only with keys, and there is none; "
            "technic keys create NAME"
        )
    if not listen.secure:
        raise ConfigError(
            f"--host {host}: keys would cross the network in the clear; give --certificate and "
            "--private-key, or --behind-tls if a proxy in front speaks https"
        )


def exposure_of(listen: ListenOptions, settings: Settings | None = None) -> Exposure:
    """The names under which pages may be asked for, and what is needed to come in."""
    from technic.interfaces.http.addresses import proxies_of
    from technic.interfaces.http.state import Exposure

    own = {"127.0.0.1", "localhost", "[::1]"}
    if listen.host not in {*LOOPBACK, "0.0.0.0", "::"}:  # noqa: S104 -- compared, not bound
        own.add(listen.host)
    names = [name.lower() for name in listen.allow_host or ()]
    hosts = {f"{name}:{listen.port}" for name in (*own, *names)} | set(names)
    keyed = listen.require_key or listen.host not in LOOPBACK
    proxies = proxies_of(settings.value("proxies")) if settings is not None else ()
    return Exposure(frozenset(hosts), keyed, listen.secure, proxies)


def _feed(desk: options.Desk) -> Any:
    """Makes a feed of bars of the day so far; None if no vendor is set up that has one."""
    from technic.data.ingest.vendors import chosen_vendors, connect_vendors
    from technic.errors import TechnicError
    from technic.interfaces.cli.sync import ledger
    from technic.operations.feed import Snapshots

    try:
        if "massive" not in chosen_vendors(desk.settings):
            return None
    except TechnicError:
        return None

    @contextmanager
    def feed() -> Iterator[Snapshots]:
        with connect_vendors(desk.settings, ledger(desk.store)) as vendors:
            yield Snapshots(vendors.snapshot_source(), vendors.now)

    return feed


def mcp(
    http: Annotated[bool, typer.Option("--http", help="Over HTTP, instead of stdio.")] = False,
    port: Annotated[int, typer.Option(help="With --http.", min=1, max=65_535)] = 8610,
    require_key: Annotated[
        bool, typer.Option("--require-key", help="With --http: nothing without a key.")
    ] = False,
    store: options.StoreOption = None,
) -> None:
    """Answer agents: compile, scan, explain, why_not, diff, coverage, evidence. Reads only."""
    try:
        from technic.interfaces.mcp.server import make_server
        from technic.interfaces.mcp.transports import StrictBodies, serve_stdio
    except ModuleNotFoundError as error:
        raise not_installed(error, "mcp") from error
    desk = options.desk(store)
    desk.store.require()
    options.ensure_compiled(desk.settings)
    server = make_server(desk.store, desk.settings)
    if not http:
        serve_stdio(server)
        return
    from technic.interfaces.http.middleware import Guards
    from technic.interfaces.http.server import BoundedServer
    from technic.interfaces.http.state import ServerState

    exposure = exposure_of(ListenOptions(port=port, require_key=require_key), desk.settings)
    state = ServerState(desk.store, desk.settings, exposure)
    app = StrictBodies(server.streamable_http_app(json_response=True, stateless_http=True))
    print(f"technic for agents at http://127.0.0.1:{port}/mcp", file=sys.stderr, flush=True)
    guarded = Guards(app, state)
    BoundedServer(guarded, state.give_up, state.exposure.proxies, host="127.0.0.1", port=port).run()


def keys_create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.")],
    scope: Annotated[
        str, typer.Option(help="read: look; scan: ask too; admin: keep and change too.")
    ] = "scan",
    days: Annotated[int | None, typer.Option(help="Until it expires.", min=1, max=36_500)] = 365,
    store: options.StoreOption = None,
) -> None:
    """Make a key of the HTTP API. It is shown once; what is kept is its digest."""
    from datetime import UTC, datetime

    from technic.interfaces.http.api_keys import create_key

    desk = options.desk(store)
    secret = create_key(desk.store.catalog, name, scope, days, datetime.now(UTC))
    print(secret)
    until = "for ever" if days is None else f"for {counted(days, 'day')}"
    print(
        f"{name}: scope {scope}, {until}. Nobody can show it again.",
        file=sys.stderr,
    )


def keys_list(store: options.StoreOption = None, as_json: options.JsonOption = False) -> None:
    """Every key that was made; nothing that opens anything."""
    from dataclasses import asdict
    from datetime import UTC, datetime

    from technic.interfaces.http.api_keys import keys_of

    keys = keys_of(options.desk(store).store.catalog)
    if as_json:
        options.emit_json([asdict(key) for key in keys])
        return
    for key in keys:
        state = (
            "good" if key.is_good(datetime.now(UTC)) else "revoked" if key.revoked else "expired"
        )
        until = f"until {key.expires:%Y-%m-%d}" if key.expires else "for ever"
        print(f"{key.name:<24} {key.scope:<6} {state:<8} {until}")
    if not keys:
        print("None yet: technic keys create NAME")


def keys_revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name it was given.")],
    store: options.StoreOption = None,
) -> None:
    """Make a key open nothing any more."""
    from datetime import UTC, datetime

    from technic.interfaces.http.api_keys import revoke_key

    done = revoke_key(options.desk(store).store.catalog, name, datetime.now(UTC))
    print(f"{name}: " + ("revoked" if done else "no key of that name opens anything"))
    if not done:
        raise typer.Exit(1)
