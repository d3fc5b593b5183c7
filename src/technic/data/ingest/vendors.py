"""The vendors that a user has chosen: which, how fast each may be asked, and connections to them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from importlib import import_module
from typing import Any

from technic.data.ingest.planning import Wish, newest_session
from technic.data.providers import alpaca, edgar, massive
from technic.data.providers.allowance import Allowance
from technic.data.providers.http import Endpoint, Http, Manners
from technic.data.providers.source import Log, Pace, Source, VendorProfile, unheard
from technic.errors import ConfigError, not_installed
from technic.market.sessions import nyse
from technic.market.symbols import canonical_symbol
from technic.runtime.secrets import VARIABLES, find
from technic.runtime.setting_table import DEFAULT_HISTORY
from technic.runtime.settings import Settings

VENDORS: dict[str, VendorProfile] = {
    "massive": massive.ABOUT,
    "alpaca": alpaca.ABOUT,
    "edgar": edgar.ABOUT,
    "files": VendorProfile("files", (), "free", "what your files hold", "none", "as your files'"),
    "yahoo": VendorProfile(
        "yahoo",
        (),
        "free",
        "decades",
        "1 call a second, often blocked",
        "personal use only; adjusted for splits by the vendor",
    ),
    "flatfiles": VendorProfile(
        "flatfiles",
        ("MASSIVE_S3_ACCESS_KEY", "MASSIVE_S3_SECRET_KEY"),
        "29 USD a month and up",
        "as your plan's",
        "one file per session, no quota",
        "for your own use",
    ),
}
ENDPOINTS = {
    "massive": ("TECHNIC_MASSIVE__BASE_URL", massive.BASE),
    "alpaca": ("TECHNIC_ALPACA__BASE_URL", alpaca.BASE),
    "flatfiles": ("TECHNIC_FLATFILES__BASE_URL", "https://files.massive.com"),
}
PLANS = {
    "massive": massive.PLANS,
    "alpaca": alpaca.PLANS,
    "flatfiles": {"starter": Pace()},
}
FREE = {"massive": "basic", "alpaca": "free", "flatfiles": "starter"}
RESERVE = 1  # calls per period kept for interactive use


@dataclass(frozen=True)
class Vendors:
    """Connected vendors, as a sync asks them.

    Attributes
    ----------
    sources : vendors by name, the preferred one first
    paces : how fast each may be asked, by name
    foreign : whether one is asked at another address than its official one, as a simulated
        vendor is: it has a clock of its own, and says itself whether its market is real
    marks : by name, a digest of key and plan: other ones may be answered more
    """

    sources: Mapping[str, Any]
    paces: Mapping[str, Pace]
    foreign: bool
    marks: Mapping[str, str] = field(default_factory=dict)

    def sources_of(self) -> dict[str, Source]:
        """The vendors by name."""
        return dict(self.sources)

    def snapshot_source(self) -> Any:
        """The vendor that knows the day so far.

        Raises
        ------
        ConfigError
            If none of those chosen does.
        """
        for source in self.sources.values():
            if "snapshot" in source.kinds:
                return source
        raise ConfigError(
            f"{', '.join(self.sources)}: has no snapshot of the whole market; watch with massive"
        )

    def now(self) -> datetime:
        """What time it is: a twin has a clock of its own."""
        if self.foreign and "massive" in self.sources:
            return self.sources["massive"].clock()  # type: ignore[no-any-return]
        return datetime.now(UTC)

    def clock(self) -> Callable[[], datetime]:
        """A clock that goes as the vendors' does: they are asked once, and ours goes on from there."""
        ahead = self.now() - datetime.now(UTC) if self.foreign else timedelta()
        return lambda: datetime.now(UTC) + ahead

    @property
    def simulated(self) -> dict[str, Any] | None:
        """How the market is made, if an answer said that it is not real."""
        if any(source.simulated for source in self.sources.values()):
            return {"vendor": "the twin"}
        return None


@contextmanager
def connect_vendors(
    settings: Settings, log: Log = unheard, manners: Manners | None = None
) -> Iterator[Vendors]:
    """Connect the vendors of the settings; their connections end with the block.

    Parameters
    ----------
    log : is told of every call
    manners : how patient to be; as a sync is by default

    Raises
    ------
    ConfigError
        If none is chosen, or a key is missing.
    """
    names = chosen_vendors(settings)
    sources: dict[str, Any] = {}
    paces: dict[str, Pace] = {}
    foreign = False
    for name in names:
        variable, official = ENDPOINTS[name]
        base = os.environ.get(variable, official)
        foreign = foreign or base != official
        pace = pace_of(name, settings, real=base == official)
        paces[name] = pace
        sources[name] = _source(name, base, pace, settings, log, manners)
    try:
        yield Vendors(sources, paces, foreign, {name: _mark(name, settings) for name in names})
    finally:
        for source in sources.values():
            source.close()


@contextmanager
def connect_edgar(settings: Settings, log: Log = unheard) -> Iterator[edgar.Edgar]:
    """Connect EDGAR, asked in the user's name; the connections end with the block.

    Raises
    ------
    AccessError
        If no contact is set.
    """
    headers = edgar.user_agent(settings.value("edgar_contact"))
    base = os.environ.get("TECHNIC_EDGAR__BASE_URL")
    allowance = Allowance(edgar.PACE, settings.state / "rates.sqlite", "edgar")
    source = edgar.Edgar(
        *(
            Http(Endpoint("edgar", base or official, headers), allowance=allowance, log=log)
            for official in (edgar.DATA, edgar.FILES)
        )
    )
    try:
        yield source
    finally:
        source.close()


def chosen_vendors(settings: Settings) -> list[str]:
    """Names of the vendors to sync from: as set, else those whose key is there.

    Raises
    ------
    ConfigError
        If an unknown one is set, or none is set up.
    """
    setting = settings.value("provider")
    if setting:
        names = [name.strip() for name in setting.split(",") if name.strip()]
        if unknown := [name for name in names if name not in ENDPOINTS]:
            raise ConfigError(
                f"provider {', '.join(unknown)}: a sync asks {' and '.join(ENDPOINTS)}; for files "
                "there is technic import"
            )
        return names
    names = [name for name in ENDPOINTS if find(name, settings) is not None]
    if not names:
        raise ConfigError(
            "no vendor is set up: technic init asks for one; or try the simulated vendor, which "
            "needs no key: technic simulate serve"
        )
    return names


def pace_of(name: str, settings: Settings, *, real: bool = True) -> Pace:
    """How fast a sync may ask a vendor on the user's plan: a little is left for the user.

    Parameters
    ----------
    real : whether the vendor is asked at its official address; others are asked without limit
        unless a plan is set
    """
    plans = PLANS[name]
    plan = settings.value("plan") or (FREE[name] if real else "unlimited")
    if "/" in plan:
        calls, _, seconds = plan.partition("/")
        pace = Pace(int(calls), float(seconds))
    else:
        pace = plans.get(plan) or plans[FREE[name]]
    spared = pace.calls - RESERVE if pace.calls > RESERVE else pace.calls
    return replace(pace, calls=spared)


def wish_of(
    settings: Settings, now: datetime, symbols: str = "", history: int | None = None
) -> Wish:
    """What the store should hold by the settings, within what the user's plans reach back to.

    Parameters
    ----------
    symbols : with commas between, or all; as set by default
    history : sessions; as set by default
    """
    sessions = history or int(settings.value("history") or DEFAULT_HISTORY)
    table = nyse()
    newest = table.ordinal(newest_session(now))
    first = table.day(max(newest - sessions + 1, 0))
    universe = symbols or settings.value("universe", "all")
    names = (
        None
        if universe == "all"
        else tuple(sorted({canonical_symbol(s) for s in universe.split(",") if s.strip()}))
    )
    pace = min(
        (pace_of(n, settings).history_days or 99_999 for n in chosen_vendors(settings)),
        default=99_999,
    )
    limit = date.fromordinal(now.date().toordinal() - pace + 1)
    return Wish(max(first, limit), now, names)


def _mark(name: str, settings: Settings) -> str:
    """A digest of a vendor's key and plan, from which neither can be told."""
    secret = find(name, settings)
    text = f"{name}|{settings.value('plan')}|{secret.value if secret else ''}"
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _source(
    name: str, base: str, pace: Pace, settings: Settings, log: Log, manners: Manners | None
) -> Any:
    """A vendor at an address, with the user's key."""
    secret = find(name, settings)
    if secret is None:
        keys = " or ".join(VENDORS[name].keys)
        raise ConfigError(f"{name}: no key; set {keys}, or run technic init")
    second = find(f"{name}_secret", settings) if f"{name}_secret" in VARIABLES else None
    other = second.value if second else ""
    if name == "flatfiles":
        flatfiles: Any = import_extra("flatfiles").FlatFiles(base, secret.value, other, log)
        return flatfiles
    allowance = Allowance(pace, settings.state / "rates.sqlite", f"{name}{base}{secret.value}")
    if name == "massive":
        headers = {"Authorization": f"Bearer {secret.value}"}
        endpoint = Endpoint(name, base, headers, massive.HOSTS)
        return massive.Massive(Http(endpoint, allowance=allowance, log=log, manners=manners))
    headers = {"APCA-API-KEY-ID": secret.value, "APCA-API-SECRET-KEY": other}
    endpoint = Endpoint(name, base, headers)
    return alpaca.Alpaca(Http(endpoint, allowance=allowance, log=log, manners=manners))


def open_stream(settings: Settings, snapshots: Any) -> Any:
    """Open Massive's stream of minute bars, a websocket.

    Parameters
    ----------
    snapshots : a feed of the day so far, from which the stream begins, and begins again

    Raises
    ------
    ConfigError
        If there is no key, or what it needs is not installed.
    """
    secret = find("massive", settings)
    if secret is None:
        raise ConfigError("massive: no key; set MASSIVE_API_KEY, or run technic init")
    url = os.environ.get("TECHNIC_MASSIVE__STREAM_URL", "wss://socket.massive.com/stocks")
    return import_extra("stream").Stream(url, secret.value, snapshots)


def import_extra(name: str) -> Any:
    """Import a provider that needs an extra, by the name of both.

    Raises
    ------
    ConfigError
        If the extra is not installed.
    """
    try:
        return import_module(f"technic.data.providers.{name}")
    except ModuleNotFoundError as error:
        raise not_installed(error, name, name) from error
