"""The router with engines of a few lines: real processes, which say what a test needs them to say."""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from support.commands import run_command
from technic.errors import StoreError
from technic.operations.rollout import Observation, Rollout, RolloutFile, Router
from technic.operations.rollout.health import ENOUGH
from technic.operations.rollout.lines import answer_line, answer_lines
from technic.operations.rollout.router import bucket
from technic.operations.rollout.state import register
from technic.operations.rollout.trial import read_record
from technic.scanner.manifest import seal_of

ENGINE = """#!{python} -SI
import json, os, sys
from pathlib import Path
print(json.dumps({{"ready": True, "version": "1.0", "code": "{name}-code"}}), flush=True)
kind = "{kind}"
for line in sys.stdin:
    number = json.loads(line)["id"]
    rows = [{{"symbol": s, "rank": 1, "score": 9.5, "percentile": 50.0}} for s in "ABCD"]
    report = {{"rows": rows, "manifest": {manifest}}}
    answer = {{"id": number, "digest": "d", "report": report, "rss": 1 << 20}}
    if kind == "dies":
        sys.exit(3)
    if kind == "dies once" and not Path("{flag}").exists():
        Path("{flag}").touch()
        sys.exit(3)
    if kind == "lags":
        answer["id"] = -1
    if kind == "refuses":
        answer = {{"id": number, "error": {{"type": "QuestionError", "text": "no such word"}}}}
    if kind == "near":
        answer["digest"] = "other"
        answer["report"]["rows"][3]["symbol"] = "E"
    print(json.dumps(answer), flush=True)
"""
GOOD = Observation(ms=20.0, stable_ms=20.0, rss=1 << 20, stable_rss=1 << 20, share=10)


@pytest.fixture
def file(tmp_path):
    return RolloutFile(tmp_path / "rollout")


@pytest.fixture
def engine(tmp_path):
    def made(name, kind=""):
        path = tmp_path / name
        path.write_text(
            ENGINE.format(
                python=sys.executable,
                name=name,
                kind=kind,
                flag=tmp_path / "flag",
                manifest={"answer_digest": "d", "seal": seal_of({"answer_digest": "d"})},
            )
        )
        path.chmod(0o755)
        return register(name, path)

    return made


@contextmanager
def routed(file):
    router = Router(file)
    try:
        yield router
    finally:
        router.close()


def begin(file, stable, candidate=None, share=0, overlap=None):
    engines = {one.name: one for one in (stable, candidate) if one is not None}
    now = Rollout(engines=engines, stable=stable.name)
    if candidate is not None:
        now = now.shadowing(candidate.name, overlap)
    file.write(now.sharing(share) if share else now)


def ask(router, count=1):
    answers = []
    for k in range(count):
        answers.append(router.answer({"id": k, "scan": {"file": {"top": k}}}))
        router.settle()
    return answers


def seen(file):
    return read_record(file, file.read().generation)


def test_a_stable_engine_that_is_lost_once_is_started_again(file, engine):
    begin(file, engine("old", "dies once"))
    with routed(file) as router:
        (answer,) = ask(router)
    assert (answer["id"], answer["engine"]) == (0, "old")


def test_a_stable_engine_that_cannot_be_had_is_an_error_and_says_nothing_of_the_candidate(
    file, engine
):
    begin(file, engine("old", "dies"), engine("new"))
    with routed(file) as router:
        with pytest.raises(StoreError, match="the stable engine old"):
            router.answer({"id": 1, "scan": {}})
        router.settle()
    assert seen(file) == []


def test_no_line_ends_the_loop(file, engine):
    begin(file, engine("stable", "dies once"))
    deep = "[" * 300 + "]" * 300
    lines = [
        b'{"id": 1, "scan": {}}',
        f'{{"id": {deep}}}'.encode(),
        f'{{"id": 2, "scan": {{"file": {deep}}}}}'.encode(),
        b"no json",
        b'{"id": 3, "scan": {}}',
    ]
    out = io.BytesIO()
    with routed(file) as router:
        answer_lines(lines, out, router.answer)
        assert json.loads(answer_line(lines[0], router.answer))["engine"] == "stable"
    answers = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [answer["id"] for answer in answers] == [1, None, 2, None, 3]
    assert ["error" in answer for answer in answers] == [False, True, True, True, False]


def test_a_stable_engine_that_cannot_be_had_ends_no_loop(file, engine):
    begin(file, engine("stable", "dies"))
    with routed(file) as router:
        answers = [json.loads(answer_line(b'{"id": 1}', router.answer)) for _ in range(2)]
    assert [answer["error"]["type"] for answer in answers] == ["StoreError", "StoreError"]


def test_another_stable_engine_answers_once_the_file_says_so(file, engine):
    begin(file, engine("old"), engine("new"))
    with routed(file) as router:
        assert ask(router)[0]["engine"] == "old"
        file.change(lambda now: now.promoted())
        assert ask(router)[0]["engine"] == "new"
    assert file.read().previous == "old"


@pytest.mark.parametrize(
    ("kind", "error", "same"),
    [
        ("", "", True),
        ("lags", "answered another question", False),
        ("refuses", "raised no such word", False),
        ("near", "", False),
        ("dies", "code 3", False),
    ],
)
def test_what_a_candidate_does_is_written_down(file, engine, kind, error, same):
    begin(file, engine("old"), engine("new", kind))
    with routed(file) as router:
        assert ask(router)[0]["engine"] == "old"
    (one,) = seen(file)
    assert error in one.error
    assert bool(one.error) == bool(error)
    assert one.same is same
    assert not one.given


def test_two_engines_that_refuse_alike_agree(file, engine):
    begin(file, engine("old", "refuses"), engine("new", "refuses"))
    with routed(file) as router:
        assert ask(router)[0]["error"]["text"] == "no such word"
    assert [(one.same, one.error) for one in seen(file)] == [(True, "")]


@pytest.mark.parametrize(("overlap", "given"), [(None, False), (0.7, True), (0.9, False)])
def test_a_canary_gives_what_agrees_as_far_as_was_declared(file, engine, overlap, given):
    """Three of four rows are the same."""
    begin(file, engine("old"), engine("new", "near"), 100, overlap)
    with routed(file) as router:
        (answer,) = ask(router)
    assert answer["engine"] == ("new" if given else "old")
    (one,) = seen(file)
    assert (one.given, one.overlap) == (given, 0.75)
    assert file.read().phase == ("canary" if overlap else "rolled back"), "identical was demanded"


def test_a_healthy_canary_takes_the_next_step_by_itself_and_no_further_than_all(file, engine):
    begin(file, engine("old"), engine("new"), 10)
    path = file.observed(file.read().generation)
    line = json.dumps(asdict(GOOD)) + "\n"
    path.write_text(line * (ENOUGH - 1) + line[:20])  # the last line was cut short
    with routed(file) as router:
        ask(router)
    assert len(seen(file)) == ENOUGH - 1, "what follows half a line is half a line"
    assert file.read().share == 50
    file.change(lambda now: now.sharing(100))
    path.write_text(json.dumps(asdict(replace(GOOD, share=100))) + "\n")
    path.write_text(path.read_text() * ENOUGH)
    with routed(file) as router:
        ask(router)
    assert (file.read().share, file.read().phase) == (100, "canary")


def test_a_candidate_that_fails_thrice_is_rolled_back_and_no_longer_asked(file, engine):
    begin(file, engine("old"), engine("new", "dies"))
    with routed(file) as router:
        ask(router, 5)
    held = file.read()
    assert (held.phase, held.candidate) == ("rolled back", "")
    assert "3 of the last 3 answers failed" in held.reason
    assert len(seen(file)) == 3


def test_the_same_scan_is_in_one_bucket_whatever_its_number():
    assert len({bucket({"id": k, "scan": {"a": 1, "b": 2}}) for k in range(5)}) == 1
    assert bucket({"scan": {"a": 1, "b": 2}}) == bucket({"scan": {"b": 2, "a": 1}})


def test_the_commands_lead_from_registering_to_rolling_back(tmp_path, engine):
    engine("new")
    env = {**os.environ, "TECHNIC_HOME": str(tmp_path / "home")}

    def technic(*arguments, code=0):
        done = run_command(["rollout", *arguments], env, tmp_path)
        assert done.returncode == code, done.stderr
        return done.stdout if not code else done.stderr

    assert technic("status") == "stable     this\n"
    assert "there is nothing to roll back" in technic("rollback", code=1)
    added = technic("add", "new", str(tmp_path / "new"))
    assert added.startswith("new: technic 1.0 at ")
    assert added.endswith("Next: technic rollout shadow new\n")
    assert "new is asked beside this" in technic("shadow", "new", "--overlap", "0.9")
    assert "candidate  new, shadow 0 %, overlap ≥ 0.90" in technic("status")
    assert "new is at 0 % (0 of 200 answers at this step)" in technic("promote", code=1)
    assert technic("canary", "10").startswith("new answers for 10 % of the questions")
    file = RolloutFile(tmp_path / "home/state/rollout")
    rows = [replace(GOOD, correlation=0.5, given=k % 2 == 0) for k in range(4)]
    record(file, [*rows, replace(GOOD, error="lost", same=False, overlap=0.0)])
    said = technic("status").splitlines()
    assert "seen       5 answers, 4 identical, 1 failed, 2 given" in said
    assert "p95 20 ms beside 20; overlap 0.800, rank correlation 0.500; 1 MB beside 1" in said[-2]
    assert said[-1] == "verdict    hold: 5 of 200 answers at this step"
    about = json.loads(technic("status", "--json"))
    assert (about["answers"], about["errors"], about["given"]) == (5, 1, 2)
    assert about["verdict"]["what"] == "hold"
    assert technic("promote", "--anyway").startswith("new is the stable engine; this comes back")
    assert "last       promoted" in technic("status")
    assert technic("rollback", "--reason", "a doubt") == "this answers\n"
    assert "last       rolled back: a doubt" in technic("status")


def record(file: RolloutFile, rows) -> None:
    path: Path = file.observed(file.read().generation)
    path.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows))
