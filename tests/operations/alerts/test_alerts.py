"""Who is told what: decided once, delivered at least once, never to a private address."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from shutil import copytree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.hooks import hook
from support.servers import free_port
from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.errors import ConfigError, DeliveryError, QuestionError, RefusedError
from technic.operations.alerts import AlertBook, deliver, keep_channel
from technic.operations.alerts.book import with_crossings
from technic.operations.alerts.channels import channel_of, channels_of, forget_channel, text_of
from technic.operations.alerts.webhook_guard import is_public, target_of
from technic.operations.saved_scans import content_of, save_scan, saved_scans
from technic.runtime.settings import Settings
from technic.scanner.scan import scan
from technic.scanner.spec.alert_rules import AlertRules, Memory, ScanMembers, decide, first_memory
from technic.scanner.spec.scan_file import ScanFile

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def seen(*ids):
    return ScanMembers({i: f"S{i}" for i in ids})


def kinds(told):
    return sorted((one.kind, one.security_id) for one in told)


def test_a_change_is_told_once_and_the_first_look_is_silent():
    rules, memory = AlertRules(), first_memory(seen(1, 2))
    assert decide(memory, seen(1, 2), rules, NOW) == []
    assert kinds(decide(memory, seen(2, 3), rules, NOW)) == [("entered", 3), ("left", 1)]
    assert decide(memory, seen(2, 3), rules, NOW) == []


def test_debounce_waits_for_looks_that_agree():
    rules, memory = AlertRules(debounce=3), first_memory(seen(1))
    looks = [seen(1, 2), seen(1), seen(1, 2), seen(1, 2), seen(1, 2), seen(1, 2)]
    told = [kinds(decide(memory, look, rules, NOW + k * MINUTE)) for k, look in enumerate(looks)]
    assert told == [[], [], [], [], [("entered", 2)], []]


def test_cooldown_holds_the_same_change_back_and_then_lets_it_through():
    rules = AlertRules(cooldown=timedelta(minutes=10))
    memory = first_memory(seen(1))
    assert kinds(decide(memory, seen(1, 2), rules, NOW)) == [("entered", 2)]
    assert kinds(decide(memory, seen(1), rules, NOW + MINUTE)) == [("left", 2)]
    assert decide(memory, seen(1, 2), rules, NOW + 2 * MINUTE) == []
    assert kinds(decide(memory, seen(1, 2), rules, NOW + 11 * MINUTE)) == [("entered", 2)]


def test_a_crossing_is_told_when_it_turns_true_on_the_list():
    rules = AlertRules(crossed=("x",), on=("crossed",))

    def look(*true):
        return ScanMembers({1: "A", 2: "B"}, {"x": frozenset(true)}, {"x": frozenset({1, 2})})

    memory = first_memory(look(1))
    assert kinds(decide(memory, look(1, 2), rules, NOW)) == [("crossed", 2)]
    assert decide(memory, look(1, 2), rules, NOW) == []
    assert decide(memory, look(1), rules, NOW) == []
    assert kinds(decide(memory, look(1, 2), rules, NOW)) == [("crossed", 2)]


def test_who_was_not_seen_keeps_the_place_and_nobody_enters_by_it():
    rules, memory = AlertRules(), first_memory(seen(1, 2, 3))

    def cut(*ids, unseen=()):
        return replace(seen(*ids), unseen=frozenset(unseen), is_cut=True)

    assert decide(memory, cut(2, 3, 4, unseen=[1]), rules, NOW) == []
    assert kinds(decide(memory, cut(4, 2, 3, unseen=[1]), rules, NOW)) == [("entered", 4)]
    assert decide(memory, cut(4, 2, 1), rules, NOW)[0].security_id == 3
    assert decide(memory, cut(4, 2, 1), rules, NOW) == []
    whole = replace(cut(4, 2, 5, unseen=[1]), is_cut=False)  # everybody who passes is on the list
    assert kinds(decide(memory, whole, rules, NOW)) == [("entered", 5)]


def test_what_is_remembered_goes_round_with_the_session_and_without():
    memory = replace(first_memory(seen(1)), as_of=date(2024, 3, 6))
    assert Memory.of(memory.as_dict()) == memory
    older = {k: v for k, v in memory.as_dict().items() if k != "as_of"}
    assert Memory.of(older) == replace(memory, as_of=None)


@given(st.lists(st.frozensets(st.integers(0, 6)), min_size=1, max_size=30), st.integers(1, 4))
def test_told_changes_always_lead_from_the_first_list_to_what_was_told(lists, debounce):
    """Replayed onto the first list, what was told gives the list that is remembered."""
    rules, memory = AlertRules(debounce=debounce), first_memory(seen(*lists[0]))
    known = set(lists[0])
    for k, look in enumerate(lists[1:] + [lists[-1]] * debounce):
        memory = Memory.of(json.loads(json.dumps(memory.as_dict())))  # as a restart would
        for one in decide(memory, seen(*look), rules, NOW + k * MINUTE):
            (known.add if one.kind == "entered" else known.discard)(one.security_id)
        assert known == set(memory.members)
    assert known == set(lists[-1])


def test_quiet_hours_keep_an_alert_until_morning_in_new_york():
    rules = AlertRules.of({"quiet": "22:00-07:00"}, "test")
    night = datetime(2026, 3, 4, 4, 30, tzinfo=UTC)  # 23:30 the evening before
    assert rules.is_quiet(night)
    assert rules.deliverable_at(night) == datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
    assert rules.deliverable_at(NOW) == NOW


@pytest.mark.parametrize(
    "content",
    [{"on": ["gone"]}, {"debounce": 0}, {"debounce": True}, {"cooldown": "soon"},
     {"quiet": "25:00-07:00"}, {"quiet": "late"}, {"too": []}, {"to": 3}],
)  # fmt: skip
def test_rules_that_mean_nothing_are_refused(content):
    with pytest.raises(ConfigError, match="alert"):
        AlertRules.of(content, "scan.toml")


def test_rules_survive_being_written_and_read(tmp_path):
    rules = AlertRules.of(
        {"to": ["desk"], "crossed": ["rsi(14) > 70"], "debounce": 2, "cooldown": "4h",
         "quiet": "22:00-07:00"}, "x",
    )  # fmt: skip
    assert AlertRules.of(rules.content(), "x") == rules
    settings = Settings.load({"TECHNIC_HOME": str(tmp_path)})
    keep_channel("desk", "https://hooks.example.com/x", settings)
    file = ScanFile(name="Dips", where="rsi(14) < 30", alert=rules)
    save_scan(settings, "dips", content_of(file))
    assert saved_scans(settings)[0].file == file


def test_a_scan_that_tells_a_channel_that_does_not_exist_is_not_saved(tmp_path):
    settings = Settings.load({"TECHNIC_HOME": str(tmp_path)})
    file = ScanFile(where="rsi(14) < 30", alert=AlertRules(to=("mail", "desk")))
    with pytest.raises(ConfigError, match=r"'mail'.*there is none yet.*alerts add mail ADDRESS"):
        save_scan(settings, "dips", content_of(file))
    keep_channel("mail", "smtp://localhost/?from=a@b.example&to=c@d.example", settings)
    with pytest.raises(ConfigError, match=r"dips: alert.to names 'desk'.*there are mail"):
        save_scan(settings, "dips", content_of(file))
    assert saved_scans(settings) == []
    keep_channel("desk", "https://hooks.example.com/x", settings)
    save_scan(settings, "dips", content_of(file))
    forget_channel("desk", settings)
    assert saved_scans(settings)[0].file == file  # whose alerts wait until it is there again


def test_a_scan_that_cannot_be_understood_is_not_saved_and_a_broken_one_says_why(tmp_path):
    settings = Settings.load({"TECHNIC_HOME": str(tmp_path)})
    with pytest.raises(ConfigError, match="small letters"):
        save_scan(settings, "../evil", {})
    settings.scans.mkdir(parents=True)
    (settings.scans / "broken.toml").write_text("where = 'rsii(14) < 3'")
    assert "rsii" in saved_scans(settings)[0].trouble


# -- addresses


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1",
     "fd00::1", "fe80::1%eth0", "0.0.0.0", "224.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1",
     "100.64.0.1"],
)  # fmt: skip
def test_private_addresses_are_not_public(address):
    assert not is_public(address)


def test_only_https_and_public_hosts_are_sent_to():
    for bad in ("http://example.com/x", "https://user:pw@example.com/", "https://", "file:///etc"):
        with pytest.raises(ConfigError):
            channel_of("desk", bad)
    with pytest.raises(RefusedError, match="private network"):
        target_of("https://localhost:1/x")
    assert target_of("https://localhost:1/x", ["localhost"]).port == 1


def test_a_channel_shows_nothing_of_its_address():
    made = channel_of("desk", "https://hooks.example.com/secret-token")
    assert "secret" not in repr(made)
    assert "secret" not in made.where


# -- delivery, to real servers


@pytest.fixture(scope="module")
def market(tmp_path_factory, kernels):
    simulated = simulate(seed=5, size=60, sessions=60)
    made = FileStore(tmp_path_factory.mktemp("alerts") / "store")
    made.import_bars(simulated.bars, simulated=simulated.about)
    return made.folder


@pytest.fixture
def store(market, tmp_path):
    """A store of its own: what one test leaves to be told is not another's."""
    return FileStore(copytree(market, tmp_path / "store"))


@pytest.fixture
def settings(tmp_path, monkeypatch, kernels):
    monkeypatch.setenv("TECHNIC_HOME", str(tmp_path / "home"))
    (tmp_path / "home/cache").mkdir(parents=True)
    (tmp_path / "home/cache/kernels").symlink_to(kernels)
    monkeypatch.setenv("TECHNIC_WEBHOOK_HOSTS", "localhost")
    return Settings.load()


def observed(store, name, channels, top=10):
    """A scan remembered on one session and told of on the next."""
    file = ScanFile(name=name, rank="ret(5)", top=top, alert=AlertRules(to=channels))
    book, sessions = AlertBook(store.catalog), store.panel().as_of
    book.forget(name)
    from technic.scanner.inspect.diff import session_before

    before = scan(store, as_of=session_before(store, sessions), file=file)
    after = scan(store, file=file)
    assert book.observe(name, file, before, NOW) == []
    told = book.observe(name, file, after, NOW + MINUTE)
    assert book.observe(name, file, after, NOW + 2 * MINUTE) == []
    return before, after, told


def test_alerts_are_the_difference_of_two_lists(store):
    before, after, told = observed(store, "plain", ())
    old, new = ({row.symbol for row in r.shown} for r in (before, after))
    assert {a.symbol for a in told if a.kind == "entered"} == new - old
    assert {a.symbol for a in told if a.kind == "left"} == old - new
    assert old != new
    kept = AlertBook(store.catalog).alerts(1_000)
    assert {a.key for a in told} <= {row["key"] for row in kept}
    assert len({row["key"] for row in kept}) == len(kept)


def test_a_scan_that_is_forgotten_and_told_of_again_has_new_keys(store):
    _, _, first = observed(store, "again", ())
    file = ScanFile(name="again", rank="ret(5)", top=10, alert=AlertRules())
    book, day = AlertBook(store.catalog), store.panel().as_of
    book.forget("again")
    from technic.scanner.inspect.diff import session_before

    book.observe(
        "again", file, scan(store, as_of=session_before(store, day), file=file), NOW + 5 * MINUTE
    )
    second = book.observe("again", file, scan(store, file=file), NOW + 6 * MINUTE)
    assert {(a.kind, a.symbol) for a in first} == {(a.kind, a.symbol) for a in second}
    assert not {a.key for a in first} & {a.key for a in second}


def crossing(text, **names):
    rules = AlertRules(on=("crossed",), crossed=(text,))
    return ScanFile(rank="close", top=30, alert=rules, **names)


def test_a_condition_reads_the_names_of_let_and_params_and_is_told_as_it_is_written(store):
    book, days = AlertBook(store.catalog), [date(2026, 11, 19), date(2026, 11, 20)]
    named = crossing("up", lets={"up": "close > $k * sma(5)"}, params={"k": 1.0})
    told = {}
    for name, file in (("plain", crossing("close > 1 * sma(5)")), ("named", named)):
        asked = with_crossings(file)
        for day in days:
            report = scan(store, file=asked, as_of=day)
            told[name] = book.observe(name, asked, report, NOW)
    assert told["plain"]
    assert [a.symbol for a in told["named"]] == [a.symbol for a in told["plain"]]
    assert {a.detail.partition(":")[0] for a in told["named"]} == {"up"}


def test_a_condition_whose_names_mean_something_else_now_begins_anew(store):
    book, report = AlertBook(store.catalog), None
    for low in (0.0, 1e9, 0.0):  # true of nobody in between: yet nobody has crossed
        asked = with_crossings(crossing("up", lets={"up": f"close > {low}"}))
        report = scan(store, file=asked)
        assert book.observe("named", asked, report, NOW) == []


@pytest.mark.parametrize("text", ["nosuch > 1", "close", "up and", "$k > 1"])
def test_a_condition_that_cannot_be_understood_is_not_saved(tmp_path, text):
    settings = Settings.load({"TECHNIC_HOME": str(tmp_path)})
    with pytest.raises(QuestionError):
        save_scan(settings, "dips", content_of(crossing(text, lets={"up": "close > 1"})))


def test_a_webhook_that_fails_is_asked_again_with_the_same_key(
    store, settings, monkeypatch, tmp_path
):
    with hook([500]) as (url, authority, got):
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        keep_channel("desk", url, settings)
        _, _, told = observed(store, "hooked", ("desk",))
        clock = [NOW + 2 * MINUTE]
        first = deliver(store.catalog, channels_of(settings), store.folder, lambda: clock[0])
        assert (first.alerts, first.failed) == (0, len(told))
        early = deliver(store.catalog, channels_of(settings), store.folder, lambda: clock[0])
        assert early.alerts == early.failed == 0
        clock[0] += 2 * MINUTE
        second = deliver(store.catalog, channels_of(settings), store.folder, lambda: clock[0])
        assert (second.alerts, second.messages, second.waiting) == (len(told), 1, 0)
        assert deliver(store.catalog, channels_of(settings), store.folder).messages == 0
    assert len(got) == 2
    assert got[0] == got[1]
    assert {a["key"] for a in got[0][1]["alerts"]} == {a.key for a in told}


def test_a_redirect_is_not_followed_and_a_strange_certificate_not_believed(store, settings):
    with hook([302]) as (url, _, got):
        channel = channel_of("desk", url, ("localhost",))
        with pytest.raises(DeliveryError):
            channel.send("x", observed(store, "strange", ())[2], "k")
        assert got == []


def test_a_redirect_is_a_failure(store, settings, monkeypatch, tmp_path):
    with hook([302]) as (url, authority, got):
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        with pytest.raises(DeliveryError, match="302"):
            channel_of("desk", url, ("localhost",)).send("x", observed(store, "moved", ())[2], "k")
        assert len(got) == 1


def test_a_channel_that_is_gone_keeps_its_alerts_waiting(store, settings):
    _, _, told = observed(store, "gone", ("nowhere",))
    done = deliver(store.catalog, {}, store.folder, lambda: NOW + 2 * MINUTE)
    assert done.failed >= len(told)
    assert done.waiting >= len(told)
    rows = AlertBook(store.catalog).alerts(500)
    note = next(d["note"] for r in rows for d in r["deliveries"] if d["channel"] == "nowhere")
    assert "technic alerts add nowhere" in note


def test_mail_is_sent_as_one_message_that_no_name_can_break_out_of(store):
    from aiosmtpd.controller import Controller

    mails = []

    class Box:
        async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 -- its name there
            mails.append(envelope)
            return "250 taken"

    port = free_port()
    controller = Controller(Box(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        told = observed(store, "mailed", ())[2]
        channel = channel_of(
            "mail", f"smtp://127.0.0.1:{port}/?from=me@here.test&to=you@there.test"
        )
        channel.send("Dips\r\nBcc: all@there.test", told, "key1")
    finally:
        controller.stop()
    mail = mails[0]
    assert mail.rcpt_tos == ["you@there.test"]
    text = mail.content.decode()
    assert "Subject: Dips  Bcc:" in text
    assert told[0].symbol in text


def test_services_of_apprise_are_sent_to():
    assert channel_of("phone", "tgram://123456789:abcdefg_hijklmnop/12315544/").kind == "service"
    with pytest.raises(ConfigError):
        channel_of("phone", "nosuch://x")
    for own in ("json://localhost:1/x", "file:///etc/passwd"):  # past the guard
        with pytest.raises(ConfigError):
            channel_of("phone", own)


def test_a_message_says_which_session_and_that_it_is_no_advice(store):
    told = observed(store, "texts", ())[2]
    text = text_of(told)
    assert str(told[0].as_of) in text
    assert "advice" in text
