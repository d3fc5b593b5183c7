"""A restore: all of it or nothing, the user's settings included."""

from __future__ import annotations

import pytest

from technic.data.ingest import FileStore
from technic.data.simulated import simulate
from technic.data.store import restore as module
from technic.data.store.backup import backup
from technic.errors import StoreError
from technic.runtime.settings import Settings, settings_file, write_settings


def settings_in(home):
    home.mkdir()
    return Settings.load({"TECHNIC_HOME": str(home)})


@pytest.fixture
def copied(tmp_path):
    """A backup of a small store and of a setting."""
    market = simulate(seed=5, size=5, sessions=30)
    store = FileStore(tmp_path / "store")
    store.import_bars(market.bars, simulated=market.about)
    settings = settings_in(tmp_path / "old")
    write_settings(settings, retention="500")
    backup(store, tmp_path / "copy", settings)
    return tmp_path / "copy"


@pytest.mark.parametrize("there", ["", 'executor = "threads:2"\n'])
def test_settings_are_as_they_were_if_it_fails_at_the_last_step(
    copied, tmp_path, monkeypatch, there
):
    settings = settings_in(tmp_path / "new")
    file = settings_file(settings)
    if there:
        file.write_text(there)
    real = module._take_settings

    def refused(*arguments):
        real(*arguments)
        assert "retention" in file.read_text()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_take_settings", refused)
    with pytest.raises(StoreError, match="nothing was restored"):
        module.restore(copied, tmp_path / "again", settings)
    assert (file.read_text() if file.exists() else "") == there
    assert not (tmp_path / "again").exists()
    monkeypatch.undo()
    module.restore(copied, tmp_path / "again", settings)
    assert (tmp_path / "again" / "store.json").exists()
    assert 'retention = "500"' in file.read_text()
