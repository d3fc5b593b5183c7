"""Requests drawn from the API's own description: every answer fits it, none is a defect."""

from __future__ import annotations

import os
import warnings
from collections import Counter

import pytest

from support.serving import served
from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.runtime.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
EXAMPLES = int(os.environ.get("TECHNIC_FUZZ", "25"))  # of each route; 800 make 20,000 requests
ENDLESS = r"/events$"


@pytest.fixture(scope="module")
def base(tmp_path_factory, kernels):
    home = tmp_path_factory.mktemp("home")
    (home / "cache").mkdir()
    (home / "cache/kernels").symlink_to(kernels)
    settings = Settings.load({"TECHNIC_HOME": str(home)})
    market = simulate(seed=9, size=60, sessions=120)
    store = FileStore(tmp_path_factory.mktemp("fuzz") / "store")
    store.import_bars(market.bars, simulated=market.about)
    store.import_listings(market.listings)
    with served(store, settings=settings) as client:
        yield str(client.base_url).rstrip("/")


def test_whatever_is_asked_the_answer_fits_the_description(base):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import schemathesis

        schema = schemathesis.openapi.from_url(f"{base}/api/v1/openapi.json")
        seen = Counter()
        for result in schema.exclude(path_regex=ENDLESS).get_all_operations():
            drawn_at(result.ok(), base, seen)
    print(dict(seen))
    assert seen[500] == 0
    assert seen[200] > 100
    assert seen[422] > 50


def drawn_at(operation, base, seen):
    """Many requests to one route, each answer held against the description."""
    import httpx2
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks as known

    checks = [
        not_a_server_error, known.status_code_conformance, known.content_type_conformance,
        known.response_schema_conformance, known.response_headers_conformance,
    ]  # fmt: skip

    @given(case=operation.as_strategy())
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def ask(case):
        answer = case.call(base_url=base)
        seen[answer.status_code] += 1
        if answer.status_code == 503:
            assert answer.headers["retry-after"]
            return
        case.validate_response(answer, checks=checks)
        begun = answer.headers.get("location", [""])[0]
        if "/jobs/" in begun:
            httpx2.delete(base + begun)

    ask()
