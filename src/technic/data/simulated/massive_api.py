"""The dialect of Massive, formerly Polygon: which of its handlers answers which path.

`answer` looks the path up in `ROUTES`. A handler gets the publications, the request, and what the
pattern of its path has caught.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import orjson

from technic.data.simulated.actions_api import dividends, splits
from technic.data.simulated.bars_api import bars_range, flat_file, grouped, open_close, previous
from technic.data.simulated.dialect import Answer, Refusal, Request, resume_request
from technic.data.simulated.fundamentals_api import shorts, statements
from technic.data.simulated.publications import Publications
from technic.data.simulated.reference_api import (
    details,
    events,
    exchanges,
    market_now,
    market_upcoming,
    news,
    tickers,
    types,
)
from technic.data.simulated.snapshots_api import movers, snapshot

Handler = Callable[[Publications, Request, tuple[str, ...]], Answer]


def answer(tape: Publications, request: Request) -> Answer:
    """What Massive answers to a request; errors are answers too."""
    for pattern, handler in ROUTES:
        match = re.fullmatch(pattern, request.path)
        if match:
            try:
                return handler(tape, resume_request(request), match.groups())
            except Refusal as refusal:
                return refusal_answer(refusal, request)
    missing = Refusal(404, {"status": "NOT_FOUND", "message": "Resource not found."})
    return refusal_answer(missing, request)


def refusal_answer(refusal: Refusal, request: Request) -> Answer:
    """An error as the vendor writes it."""
    content = {"status": "ERROR", "request_id": request.id, **refusal.content}
    return Answer(refusal.status, orjson.dumps(content))


ROUTES: list[tuple[str, Handler]] = [
    (r"/v2/aggs/grouped/locale/us/market/stocks/([^/]+)", grouped),
    (r"/v2/aggs/ticker/([^/]+)/range/(\d+)/(\w+)/([^/]+)/([^/]+)", bars_range),
    (r"/v2/aggs/ticker/([^/]+)/prev", previous),
    (r"/v1/open-close/([^/]+)/([^/]+)", open_close),
    (r"/v2/snapshot/locale/us/markets/stocks/(gainers|losers)", movers),
    (r"/v2/snapshot/locale/us/markets/stocks/tickers", snapshot),
    (r"/v2/snapshot/locale/us/markets/stocks/tickers/([^/]+)", snapshot),
    (r"/v1/marketstatus/now", market_now),
    (r"/v1/marketstatus/upcoming", market_upcoming),
    (r"/flatfiles/us_stocks_sip/day_aggs_v1/\d{4}/\d{2}/(\d{4}-\d{2}-\d{2})\.csv\.gz", flat_file),
    (r"/v3/reference/tickers", tickers),
    (r"/v3/reference/tickers/types", types),
    (r"/v3/reference/tickers/([^/]+)", details),
    (r"/v3/reference/exchanges", exchanges),
    (r"/vX/reference/tickers/([^/]+)/events", events),
    (r"/(v3/reference|stocks/v1)/splits", splits),
    (r"/(v3/reference|stocks/v1)/dividends", dividends),
    (r"/stocks/financials/v1/(income-statements|balance-sheets|cash-flow-statements)", statements),
    (r"/stocks/(v1/short-interest|vX/float)", shorts),
    (r"/v2/reference/news", news),
]
