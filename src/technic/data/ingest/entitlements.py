"""What a key was found to allow: asked once, kept for a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from technic.data.ingest.planning import newest_session
from technic.data.ingest.vendors import ENDPOINTS, connected
from technic.data.providers.source import Ask
from technic.errors import AccessError, ConfigError, TechnicError
from technic.market.sessions import nyse
from technic.runtime.files import write_atomically
from technic.runtime.secrets import find
from technic.runtime.settings import Settings

KEPT = timedelta(hours=24)
YEARS = (1, 2, 5, 10)


def known_verdict(name: str, settings: Settings) -> str:
    """What is known without asking."""
    if name not in ENDPOINTS:
        return "needs no key" if name in {"files", "yahoo"} else "not set up"
    secret = find(name, settings)
    if secret is None:
        return "no key"
    verdict = _kept(settings).get(name)
    return str(verdict["says"]) if verdict else f"key from {secret.origin}; see --probe"


def probed(name: str, settings: Settings) -> str:
    """Ask a vendor what the key allows, unless that was done today."""
    if name not in ENDPOINTS or find(name, settings) is None or _kept(settings).get(name):
        return known_verdict(name, settings)
    only = Settings({**settings.given, "provider": _only(name)})
    try:
        with connected(only) as vendors:
            says = _history(vendors.sources[name], name, vendors.now())
    except (AccessError, ConfigError) as error:
        says = str(error)
    kept = {**_kept(settings), name: {"says": says, "at": datetime.now(UTC).isoformat()}}
    write_atomically(settings.state / "allowed.json", orjson.dumps(kept))
    return says


def _history(source: Any, name: str, now: datetime) -> str:
    """The years that a range or a day can be had of."""
    newest = newest_session(now, today=False)
    reached = 0
    for years in (0, *YEARS):
        back = newest.replace(year=newest.year - years, day=min(newest.day, 28))
        day = nyse().day(nyse().last_until(back))
        ask = Ask("day", day, day) if name == "massive" else Ask("run", day, day, ("SPY",))
        try:
            source.fetch(ask)
        except AccessError as error:
            if years == 0:
                return str(error)
            return f"history of {reached} years, not of {years}"
        except TechnicError as error:
            return f"not known: {error}"
        reached = years
    return f"history of {reached} years or more"


def _kept(settings: Settings) -> dict[str, Any]:
    try:
        held = orjson.loads((settings.state / "allowed.json").read_bytes())
        fresh = datetime.now(UTC) - KEPT
        return {k: v for k, v in held.items() if datetime.fromisoformat(v["at"]) > fresh}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _only(name: str) -> Any:
    from technic.runtime.settings import Setting

    return Setting("provider", name, "probe")
