"""Rollouts: the stable answer always, faults noticed, back with one command."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from itertools import product

import pytest
from engines import program, question

import technic as tc
from support.cases import mostly_slow
from technic.data.simulated import simulate
from technic.errors import ConfigError
from technic.operations.rollout import Observation, Rollout, RolloutFile, Router, engine, judge
from technic.operations.rollout.health import ENOUGH, WHOSE, compare_answers, nonsense
from technic.operations.rollout.router import bucket
from technic.operations.rollout.state import Engine, register
from technic.operations.rollout.trial import read_record

GOOD = Observation(ms=20.0, stable_ms=20.0, rss=200 << 20, stable_rss=200 << 20, pid=1)


@pytest.fixture(scope="module")
def store(tmp_path_factory, kernels):
    made = simulate(seed=4, size=60, sessions=60)
    store = tc.open_store(tmp_path_factory.mktemp("rollout") / "store")
    store.import_bars(made.bars, simulated=made.about)
    tc.scan(store)
    return store.folder


@pytest.fixture
def file(tmp_path):
    return RolloutFile(tmp_path / "rollout")


@pytest.fixture
def trial(file, tmp_path, store):
    """Route questions past a candidate with a fault; returns answers and the record."""

    def run(kind, count=20, share=0, **options):
        engine = register(f"with_{kind}", program(tmp_path, kind))
        file.change(lambda now: now.with_engine(engine))
        file.change(lambda now: now.shadowing(engine.name))
        if share:
            file.change(lambda now: now.sharing(share))
        router = Router(file, **options)
        answers = []
        try:
            for k in range(count):
                answers.append(router.answer(question(k, store)))
                router.settle()
        finally:
            router.close()
        return answers, read_record(file, file.read().generation)

    return run


def right(answers, store):
    """Whether every answer is the one that this version gives."""
    for k, answer in enumerate(answers):
        asked = question(k, store)["scan"]["file"]
        report = tc.scan(tc.open_store(store), file=tc.ScanFile.of(asked, "q"))
        assert answer["id"] == k
        assert answer["report"]["rows"] == json.loads(json.dumps(report.as_dict()["rows"]))


def test_without_a_candidate_this_version_answers(file, store):
    router = Router(file)
    try:
        answers = [router.answer(question(k, store)) for k in range(3)]
    finally:
        router.close()
    right(answers, store)
    assert {a["engine"] for a in answers} == {"this"}


def test_a_shadow_is_compared_and_never_given(trial, file, store):
    answers, seen = trial("none", 5)
    right(answers, store)
    assert {a["engine"] for a in answers} == {"this"}
    assert len(seen) == 5
    assert all(one.same and one.overlap == 1.0 and not one.error and one.rss for one in seen)
    assert file.read().candidate == "with_none"


def test_a_canary_gives_the_candidates_answer_for_its_share(trial, file, store):
    answers, seen = trial("none", 12, share=50)
    right(answers, store)
    for k, answer in enumerate(answers[1:], 1):  # the first may wait for it to warm up
        mine = bucket(question(k, store)) < 50
        assert answer["engine"] == ("with_none" if mine else "this")
    assert sum(one.given for one in seen) == sum(a["engine"] == "with_none" for a in answers) > 0


@pytest.mark.parametrize(
    ("kind", "share"),
    mostly_slow(
        product(["ulp", "row", "order", "exception", "exit"], [0, 100]),
        daily=[("ulp", 0), ("exit", 100)],
    ),
)
def test_a_fault_is_noticed_within_twenty_answers_and_nobody_sees_it(
    trial, file, store, kind, share
):
    answers, seen = trial(kind, 20, share)
    right(answers, store)
    assert file.read().phase == "rolled back"
    assert file.read().reason
    assert len(seen) <= 20
    assert not any(one.given for one in seen)


@pytest.mark.parametrize(
    "kind", mostly_slow(["quiet_ulp", "list", "words", "fast", "other_id"], daily=["list"])
)
def test_one_that_claims_what_it_does_not_show_or_answers_nonsense_has_failed(
    trial, file, store, kind
):
    answers, seen = trial(kind, 6, 100)
    right(answers, store)
    assert file.read().phase == "rolled back"
    assert not any(one.given for one in seen)
    assert len(seen) <= 3


def lied(answer, *path, value):
    """The answer with one value of it replaced."""
    made = json.loads(json.dumps(answer))
    place = made
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return made


def test_an_answer_is_compared_by_what_it_shows(store):
    """Property: every value that is shown, changed, makes another answer or none at all."""
    good = json.loads(json.dumps(engine.answer(question(0, store)), default=str))
    assert nonsense(good) == ""
    assert compare_answers(good, good) == {"same": True, "overlap": 1.0, "correlation": 1.0}

    def leaves(value, path):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(part, dict | list) and part:
                yield from leaves(part, (*path, key))
            else:
                yield (*path, key)

    untold = {"timings_ms", "work", "digest"}
    for path in leaves(good["report"], ("report",)):
        if path[1] in untold or WHOSE & set(path):
            continue
        other = lied(good, *path, value="other")
        assert nonsense(other) or not compare_answers(other, good)["same"], path
    rows = good["report"]["rows"]
    assert compare_answers(lied(good, "report", "rows", value=rows[:1] * 30), good)["overlap"] < 0.1
    assert not compare_answers(lied(good, "digest", value="x"), good)["same"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("report",), None), (("report",), []), (("report", "rows"), "none"), (("ms",), "fast"),
        (("report", "rows", 0), 7), (("report", "rows", 0, "symbol"), 5), (("rss",), "1 GB"),
        (("report", "rows", 0, "score"), "high"), (("report", "manifest"), {}), (("error",), "bad"),
        (("report", "manifest", "answer_digest"), "x"), (("error",), {"text": 5}),
    ],
)  # fmt: skip
def test_nonsense_is_named(store, path, value):
    good = json.loads(json.dumps(engine.answer(question(0, store)), default=str))
    assert nonsense(lied(good, *path, value=value))


def test_the_file_of_a_rollout_that_was_edited_is_refused(file, tmp_path):
    file.change(lambda now: now.with_engine(Engine("other", "/x", "c", "1")).shadowing("other"))
    file.change(lambda now: now.sharing(10))
    content = file.path.read_bytes()
    file.path.write_bytes(content.replace(b'"share": 10', b'"share": 90'))
    with pytest.raises(ConfigError, match="was changed after it was written"):
        RolloutFile(file.folder).read()


def test_one_that_hangs_keeps_nobody_waiting_and_is_given_up(trial, file, store):
    answers, seen = trial("hang", 5, 100, deadline=0.3)
    right(answers, store)
    assert "hung for 0.3 s" in file.read().reason
    assert len(seen) == 3


def test_one_that_is_slow_or_leaks_is_noticed_within_two_hundred():
    slow = [replace(GOOD, ms=200.0)] * 40
    assert next(n for n in range(1, 41) if judge(slow[:n], 0).what == "roll back") <= 200
    leaks = [replace(GOOD, rss=(200 + 20 * k) << 20) for k in range(60)]
    assert next(n for n in range(1, 60) if judge(leaks[:n], 0).what == "roll back") <= 200


def test_what_the_machine_does_to_both_is_nobodys_fault():
    both_slow = [replace(GOOD, ms=900.0, stable_ms=850.0)] * 300
    both_grow = [replace(GOOD, rss=k << 24, stable_rss=k << 24) for k in range(1, 300)]
    one_lost = [GOOD] * 100 + [replace(GOOD, error="hung", same=False)] + [GOOD] * 200
    for seen in (both_slow, both_grow, one_lost):
        assert judge(seen, 0).what == "advance"


def test_a_step_takes_two_hundred_answers(file):
    assert judge([GOOD] * (ENOUGH - 1), 0).what == "hold"
    assert judge([GOOD] * ENOUGH, 0).what == "advance"
    assert judge([GOOD] * ENOUGH, 10).what == "hold"  # they were of another step


def test_a_declared_overlap_is_what_is_demanded():
    near = replace(GOOD, same=False, overlap=0.92)
    assert judge([near] * 250, 0).what == "roll back"
    assert judge([near] * 250, 0, overlap=0.9).what == "advance"
    assert judge([near] * 250, 0, overlap=0.95).what == "roll back"


def test_promoting_and_rolling_back_move_one_file(file, tmp_path):
    engine = register("other", program(tmp_path, "none"))
    file.change(lambda now: now.with_engine(engine).shadowing("other").sharing(100).promoted())
    assert file.read().stable == "other"
    again = RolloutFile(file.folder).change(lambda now: now.rolled_back("by hand"))
    assert (again.stable, again.candidate) == ("this", "")
    with pytest.raises(ConfigError, match="nothing to roll back"):
        file.change(lambda now: now.rolled_back("again"))


def test_code_that_changed_since_it_was_registered_is_not_asked(file, tmp_path, store):
    engine = register("other", program(tmp_path, "none"))
    file.change(lambda now: now.with_engine(replace(engine, code="0" * 24)).shadowing("other"))
    router = Router(file)
    try:
        right([router.answer(question(0, store))], store)
        router.settle()
    finally:
        router.close()
    (seen,) = read_record(file, file.read().generation)
    assert "is other code than was registered" in seen.error


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": 1}', '{"format": 9, "engines": {}}'])
def test_a_file_that_cannot_be_understood_is_told_and_left(file, text):
    file.folder.mkdir(parents=True)
    file.path.write_text(text)
    with pytest.raises(ConfigError):
        file.read()
    assert file.path.read_text() == text


def test_what_is_no_engine_is_not_registered(tmp_path):
    (tmp_path / "words").write_text("#!/bin/sh\necho hello\n")
    (tmp_path / "words").chmod(0o755)
    (tmp_path / "plain").write_text("words")
    for name in ("words", "plain", "missing"):
        with pytest.raises(ConfigError):
            register("other", tmp_path / name)
    with pytest.raises(ConfigError, match="one word"):
        register("this", tmp_path / "words")


def test_steps_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="no such engine"):
        Rollout().shadowing("nonesuch")
    with pytest.raises(ConfigError, match="no engine is being tried"):
        Rollout().sharing(10)
    with pytest.raises(ConfigError, match="stable engine"):
        Rollout().shadowing("this")


@pytest.mark.slow
def test_the_commands_do_it_all(tmp_path, store, monkeypatch, kernels):
    home = tmp_path / "home"
    (home / "cache").mkdir(parents=True)
    (home / "cache" / "kernels").symlink_to(kernels)
    monkeypatch.setenv("TECHNIC_HOME", str(home))

    def technic(*arguments, said=None, ok=True):
        done = subprocess.run(
            [sys.executable, "-m", "technic", *arguments], input=said, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert (done.returncode == 0) == ok, done.stderr
        return done.stdout if ok else done.stderr

    assert "stable     this" in technic("rollout", "status")
    technic("rollout", "add", "other", str(program(tmp_path, "none")))
    technic("rollout", "shadow", "other")
    assert "promote it at 100 %" in technic("rollout", "promote", ok=False)
    technic("rollout", "canary", "100")
    lines = "".join(json.dumps(question(k, store)) + "\n" for k in range(4))
    answers = [json.loads(line) for line in technic("rollout", "serve", said=lines).splitlines()]
    right(answers, store)
    about = json.loads(technic("rollout", "status", "--json"))
    assert (about["answers"], about["errors"]) == (about["identical"], 0)
    technic("rollout", "promote", "--anyway")
    assert "stable     other" in technic("rollout", "status")
    assert "this answers" in technic("rollout", "rollback")
    answers = technic("engine", said=lines).splitlines()
    assert json.loads(answers[0])["ready"] is True
    right([json.loads(line) for line in answers[1:]], store)
    assert json.loads(technic("engine", said="no json\n").splitlines()[1])["error"]["text"]


def test_the_same_question_always_falls_into_the_same_bucket(store):
    shares = [bucket(question(k, store)) for k in range(30)]
    assert shares == [bucket(question(k, store)) for k in range(30)]
    assert len(set(shares)) > 10
