"""The vendors that can be examined: their tables, and clients with the user's keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from technic.data.ingest.vendors import connect_edgar, connect_vendors
from technic.data.providers import edgar as edgar_reader
from technic.data.providers.answers import RawAnswer
from technic.data.providers.source import Log, Pace, unheard
from technic.errors import ConfigError
from technic.operations.conformance import alpaca, edgar, massive
from technic.operations.conformance.archive import keep
from technic.operations.conformance.examination import Looker, examine, price, settled_session
from technic.operations.conformance.table import Known, Table
from technic.operations.conformance.verdicts import Examination
from technic.runtime.secrets import all_values
from technic.runtime.settings import Settings

TABLES: dict[str, Table] = {t.vendor: t for t in (massive.TABLE, alpaca.TABLE, edgar.TABLE)}
FOLDER = "conformance"  # in the folder of states


@dataclass(frozen=True)
class Examinee:
    """A vendor that is about to be asked.

    Attributes
    ----------
    table : of its questions
    client : with the user's key
    pace : how fast it may be asked
    now : the instant it is, by its clock
    """

    table: Table
    client: Looker
    pace: Pace
    now: datetime

    @property
    def cost(self) -> tuple[int, float]:
        """Calls at most, and minutes."""
        return price(self.table, self.pace)


class EdgarClient:
    """EDGAR's two hosts as one client."""

    def __init__(self, data: Any, files: Any) -> None:
        self._data, self._files = data, files

    def look(self, path: str, params: Any) -> RawAnswer:
        """One answer as it comes, of the host that has the path."""
        http = self._files if path.startswith("/files/") else self._data
        page: RawAnswer = http.look(path, params)
        return page

    def keyless(self) -> EdgarClient:
        """The same without a contact."""
        return EdgarClient(self._data.keyless(), self._files.keyless())

    def close(self) -> None:
        """End the connections."""
        self._data.close()
        self._files.close()


def examinees(settings: Settings, stack: ExitStack, log: Log = unheard) -> Iterator[Examinee]:
    """The vendors that are chosen and have a table; EDGAR too, where a contact is set.

    Parameters
    ----------
    stack : ends the connections
    log : is told of every call

    Raises
    ------
    ConfigError
        If no vendor is set up, or none of those that are has a table.
    """
    edgar_is_set = bool(settings.value("edgar_contact"))
    found = 0
    try:
        vendors = stack.enter_context(connect_vendors(settings, log))
    except ConfigError:
        if not edgar_is_set:
            raise
    else:
        now = vendors.now()
        for name, source in vendors.sources.items():
            if name in TABLES:
                found += 1
                yield Examinee(TABLES[name], source.http, vendors.paces[name], now)
    if edgar_is_set:
        found += 1
        source = stack.enter_context(connect_edgar(settings, log))
        client = EdgarClient(*source.clients)
        yield Examinee(TABLES["edgar"], client, edgar_reader.PACE, datetime.now(UTC))
    if not found:
        raise ConfigError(f"no vendor that can be examined is set up: {', '.join(TABLES)} can")


def examine_vendor(
    examinee: Examinee, settings: Settings, symbols: Sequence[str], progress: Any
) -> Examination:
    """Ask one vendor everything, judge its answers, and keep them.

    Parameters
    ----------
    symbols : of which a vendor is asked that must be told some
    progress : as for `examination.examine`

    Raises
    ------
    ProviderError
        If the vendor does not answer the first question, or refuses the key.
    """
    known = Known(settled_session(examinee.now), tuple(symbols))
    examined = examine(examinee.table, examinee.client, known, progress)
    keep(examined, known, settings.state / FOLDER, all_values(settings))
    return examined
