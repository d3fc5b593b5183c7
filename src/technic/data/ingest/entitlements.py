"""What a vendor's key allows: found out by asking, and remembered for a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from technic.data.ingest.planning import newest_session
from technic.data.ingest.vendors import ENDPOINTS, connect_vendors
from technic.data.providers.source import Ask
from technic.errors import AccessError, ConfigError, TechnicError
from technic.market.sessions import nyse
from technic.runtime.files import write_atomically
from technic.runtime.secrets import find
from technic.runtime.settings import Setting, Settings

REMEMBERED = timedelta(hours=24)
YEARS = (1, 2, 5, 10)  # of history, tried one after another


def stored_verdict(name: str, settings: Settings) -> str:
    """What is known of a key without asking its vendor, in words."""
    if name not in ENDPOINTS:
        return "needs no key" if name in {"files", "yahoo"} else "not set up"
    secret = find(name, settings)
    if secret is None:
        return "no key"
    verdict = _verdicts(settings).get(name)
    return str(verdict["says"]) if verdict else f"key from {secret.origin}; see --probe"


def probe_vendor(name: str, settings: Settings) -> str:
    """Ask a vendor what the key allows, unless that was done in the last day; in words."""
    if name not in ENDPOINTS or find(name, settings) is None or _verdicts(settings).get(name):
        return stored_verdict(name, settings)
    only = Settings({**settings.given, "provider": Setting("provider", name, "probe")})
    try:
        with connect_vendors(only) as vendors:
            says = _history(vendors.sources[name], name, vendors.now())
    except (AccessError, ConfigError) as error:
        says = str(error)
    verdicts = {**_verdicts(settings), name: {"says": says, "at": datetime.now(UTC).isoformat()}}
    write_atomically(settings.state / "allowed.json", orjson.dumps(verdicts))
    return says


def _history(source: Any, name: str, now: datetime) -> str:
    """How many years of history the vendor answers for, in words."""
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


def _verdicts(settings: Settings) -> dict[str, Any]:
    """What vendors were found to allow lately, by name: `says` and `at`."""
    try:
        verdicts = orjson.loads((settings.state / "allowed.json").read_bytes())
        oldest = datetime.now(UTC) - REMEMBERED
        return {k: v for k, v in verdicts.items() if datetime.fromisoformat(v["at"]) > oldest}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
