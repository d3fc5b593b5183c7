"""Long work, watched from beside it: what is read of it belongs to one instant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest

from technic.interfaces.http.api_keys import LOCAL
from technic.interfaces.http.jobs import Job, Jobs, Stage
from technic.interfaces.http.routes_jobs import stages_of


def told(frame: bytes) -> dict:
    return orjson.loads(frame.split(b"data: ")[1])


@pytest.mark.parametrize("state", ["done", "failed", "cancelled"])
def test_a_job_that_ends_while_it_is_told_of_is_told_of_once_more(state):
    """Whoever sends a frame may wait for a slow listener for as long as the work takes."""
    job = Job("a", "scan", "a scan", LOCAL, stage=Stage("running", 3, 9))

    async def listen() -> list[str]:
        frames: AsyncIterator[bytes] = stages_of(job, lambda: True)
        seen = [told(await anext(frames))]
        job.stage = replace(job.stage, state=state, ended=datetime.now(UTC))
        seen += [told(frame) async for frame in frames]
        return [about["state"] for about in seen]

    assert asyncio.run(listen()) == ["running", state]


def test_every_look_at_a_job_is_at_one_stage():
    """A state never stands beside an end, an error or a result of another instant."""
    looks = []
    jobs = Jobs(lambda job: looks.append(job.as_dict()))

    def run(progress):
        for k in range(200):
            progress(k, 200, str(k))
        raise ValueError("no part of technic's")

    job = jobs.start("scan", "a scan", LOCAL, run)
    while job.stage.ended is None:
        looks.append(job.as_dict())
    jobs.close()
    for look in looks:
        assert (look["ended"] is None) == (look["state"] in {"waiting", "running"})
        assert bool(look["error"]) == (look["state"] == "failed")
        assert look["what"] in {"", str(look["done"])}
