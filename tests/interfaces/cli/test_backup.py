"""Backup and restore, by the commands: every feature answers as it did, in either database."""

from __future__ import annotations

import gc
import json
import os
import shutil
import warnings
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.commands import run_command
from support.servers import postgres
from technic.data.ingest import FileStore
from technic.operations.rollout.state import Rollout, RolloutFile
from technic.research.trials import record_trial
from technic.runtime.settings import Settings, write_settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SPEC = """
model = "ridge"
universe = ""
features = ["ret(5)", "ret(21)", "rsi(14)", "realized_vol(20)"]
baselines = ["-ret(5)"]
"""
SCAN = """
name = "Mine"
where = "close > sma(20)"
rank = "ret(21)"
top = 7
[alert]
on = ["entered", "left"]
[backtest]
rebalance = "monthly"
hold = 5
"""
QUESTIONS = (
    ("scan", "mine.toml", "--json"),
    ("scan", "--rank", "alpha", "--top", "5", "--json"),
    ("scan", "mine.toml", "--as-of", "2026-09-01", "--json"),
    ("runs", "--json"),
    ("trials", "--json"),
    ("models", "--json"),
    ("record", "mine", "--json"),
    ("list", "show"),
    ("keys", "list", "--json"),
    ("alerts", "list", "--json"),
    ("saved", "list", "--json"),
    ("saved", "show", "mine"),
    ("universe", "--json"),
    ("coverage", "--json"),
    ("rollout", "status", "--json"),
)
SPENT = {
    "timings_ms",
    "work",
    "digest",
}  # what an answer took, and a digest of that, are no part of it


class Home:
    """A home of its own, and the commands in it."""

    def __init__(self, folder: Path, kernels: Path, database: str = "") -> None:
        self.folder, self.database = folder, database
        (folder / "cache").mkdir(parents=True)
        (folder / "cache/kernels").symlink_to(kernels, target_is_directory=True)
        (folder / "spec.toml").write_text(SPEC)
        (folder / "mine.toml").write_text(SCAN)

    @property
    def env(self) -> dict[str, str]:
        own = {"TECHNIC_HOME": str(self.folder), "NO_COLOR": "1", "TECHNIC_STORE": self.store}
        return {**os.environ, **own, "TECHNIC_DATABASE": self.database or "file"}

    @property
    def store(self) -> str:
        return str(self.folder / "stores/mine")

    @property
    def settings(self) -> Settings:
        return Settings.load(self.env, self.folder)

    def opened(self) -> FileStore:
        return FileStore(Path(self.store), self.settings.database)

    def __call__(self, *arguments, code=0):
        with warnings.catch_warnings():  # a process of its own would close its connections
            warnings.simplefilter("ignore", ResourceWarning)
            done = run_command(arguments, self.env, self.folder)
            gc.collect()
        assert done.returncode == code, f"{arguments}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout if not code else done.stderr

    def answers(self):
        """What every feature says."""
        here = str(self.folder)
        said = {" ".join(words): _plain(self(*words).replace(here, "")) for words in QUESTIONS}
        for path in sorted((self.folder / "reports").rglob("*.json")):
            said[f"verify {path.name}"] = self("verify", path).replace(here, "")
        store = self.opened()
        said["catalog"] = store.catalog.kept_digest()
        store.catalog.close()
        version = store.version()
        said["tables"] = {n: store.table(n).collect().hash_rows().sum() for n in version.tables}
        said["versions"] = [store.version(n).name for n in range(1, version.number + 1)]
        model = json.loads(self("models", "--json"))[0]["model"]
        said["card"] = _plain(self("model", model[:10], "--json"))
        for pattern in ("reports/**/*.*", "scans/*", "stores/mine/models/*", "stores/mine/ev*"):
            for path in sorted(self.folder.glob(pattern)):
                said[str(path.relative_to(self.folder))] = path.read_bytes()
        return said

    def use(self, name):
        """Write a little of everything."""
        symbol = json.loads(self("scan", "mine.toml", "--top", "1", "--json"))["rows"][0]["symbol"]
        self("list", "add", name, symbol)
        self("keys", "create", name, "--scope", "scan")
        self("evaluate", "ret(21)", "--last", "40")
        store, now = self.opened(), datetime.now(UTC)
        record_trial(store, "backtest", name * 4, name, {"tried": name}, now)
        store.catalog.close()


def _plain(text):
    try:
        content = json.loads(text)
    except json.JSONDecodeError:
        return text
    if isinstance(content, dict):
        return {key: value for key, value in content.items() if key not in SPENT}
    return content


def differing(a, b):
    return [name for name in a.keys() | b.keys() if a.get(name) != b.get(name)]


@pytest.fixture(scope="module")
def lived(tmp_path_factory, kernels):
    """A home in which everything was used, with its catalog in a file."""
    home = Home(tmp_path_factory.mktemp("lived") / "home", kernels)
    home("demo", "--size", "120", "--store", home.store)
    home("train", "spec.toml")
    home("scan", "mine.toml", "--save", "mine")
    home("daily", "--no-sync")
    home.use("first")
    write_settings(home.settings, history="300", cache="memory,redis://u:canary@127.0.0.1:1/0")
    secrets = home.folder / "state/secrets.toml"
    secrets.write_text('channel_desk = "https://example.org/canary"\nmassive = "canary"\n')
    secrets.chmod(0o600)
    RolloutFile(home.folder / "state/rollout").write(Rollout())
    return home


def test_every_feature_is_the_same_after_backup_and_restore_in_either_database(
    lived, tmp_path, kernels
):
    lived.folder.joinpath("technic.toml").rename(tmp_path / "own.toml")  # no server listens there
    before = lived.answers()
    shutil.copy(tmp_path / "own.toml", lived.folder / "technic.toml")
    said = lived("backup", tmp_path / "one")
    assert "1 model, 1 saved scan" in said
    assert "channel_desk, massive, the setting cache" in said
    with postgres() as url:
        moved = Home(tmp_path / "moved", kernels, url)
        said = moved("restore", tmp_path / "one", "--store", moved.store)
        assert "enter them again: channel_desk, massive, the setting cache" in said
        assert moved.answers() == before
        assert moved.settings.value("history") == "300"
        moved.use("second")  # the first write of each table failed, once per row that was moved
        after = moved.answers()
        assert after != before
        moved("backup", tmp_path / "two")
    back = Home(tmp_path / "back", kernels)
    back("restore", tmp_path / "two", "--store", back.store)
    assert differing(back.answers(), after) == []
    back.use("third")


def test_no_secret_is_in_a_backup(lived, tmp_path):
    lived("backup", tmp_path / "copy")
    for path in (tmp_path / "copy").rglob("*"):
        assert not path.is_file() or b"canary" not in path.read_bytes(), path


def test_a_restore_writes_over_nothing_and_names_what_it_left(lived, tmp_path, kernels):
    lived("backup", tmp_path / "copy")
    home = Home(tmp_path / "home", kernels)
    (home.folder / "scans").mkdir()
    (home.folder / "scans/mine.toml").write_text('name = "Another"\n')
    (home.folder / "technic.toml").write_text('history = "42"\n')
    said = home("restore", tmp_path / "copy", "--store", home.store)
    assert "left as they are" in said
    assert "scans/mine.toml, setting history" in said
    assert "Another" in (home.folder / "scans/mine.toml").read_text()
    assert home.settings.value("history") == "42"
    assert "is there already" in home("restore", tmp_path / "copy", "--store", home.store, code=1)


def everything(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    "name", ["backup.json", "catalog.sqlite", "models", "home/scans", "versions", "tables/bars"]
)
@pytest.mark.parametrize("harm", ["flipped", "cut", "lost"])
def test_a_damaged_backup_is_refused_whole(lived, tmp_path, kernels, name, harm):
    lived("backup", tmp_path / "copy")
    found = tmp_path / "copy" / name
    path = found if found.is_file() else max(p for p in found.rglob("*") if p.is_file())
    content = bytearray(path.read_bytes())
    if harm == "lost":
        path.unlink()
    else:
        at = content.find(b"first") if name == "catalog.sqlite" else len(content) // 2
        content[at] ^= 1
        path.write_bytes(content if harm == "flipped" else content[: len(content) // 2])
    home = Home(tmp_path / "home", kernels)
    before = everything(home.folder)
    error = home("restore", tmp_path / "copy", "--store", home.store, code=1)
    assert error.startswith("technic: ")
    assert error.count("\n") == 1
    (home.folder / "state").exists() and shutil.rmtree(home.folder / "state")
    assert everything(home.folder) == before
    assert not Path(home.store).exists()


def test_a_backup_that_is_damaged_at_its_source_is_not_made(lived, tmp_path, kernels):
    store = shutil.copytree(lived.store, tmp_path / "store")
    path = max((store / "tables/bars").rglob("*.parquet"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    error = lived("backup", tmp_path / "deep/copy", "--store", store, code=1)
    assert "does not hold what was written" in error
    path.unlink()
    assert "is missing" in lived("backup", tmp_path / "deep/copy", "--store", store, code=1)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
