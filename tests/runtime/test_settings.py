"""Settings: where each comes from, and what the reference page says of it."""

from __future__ import annotations

import pytest

from technic.errors import ConfigError
from technic.runtime import cache, executors
from technic.runtime.setting_table import SETTINGS
from technic.runtime.settings import Setting, Settings


def test_defaults_that_are_told_are_those_that_hold():
    assert SETTINGS["cache"].default == cache.DEFAULT
    assert SETTINGS["executor"].default == executors.DEFAULT


def test_meanings_are_sentences_and_variables_follow_the_names():
    for name, info in SETTINGS.items():
        assert info.variable == f"TECHNIC_{name.upper()}"
        assert info.default
        assert info.meaning[0].isupper()
        assert info.meaning.endswith(".")


def test_the_environment_comes_before_the_folder_and_the_folder_before_the_home(tmp_path):
    home, here = tmp_path / "home", tmp_path / "here"
    for folder, threads in ((home, "1"), (here, "2")):
        folder.mkdir()
        (folder / "technic.toml").write_text(f'threads = "{threads}"\n')
    environment = {"TECHNIC_HOME": str(home)}
    assert Settings.load(environment, here).threads == 2
    assert Settings.load(environment, tmp_path).threads == 1
    settings = Settings.load({**environment, "TECHNIC_THREADS": "3"}, here)
    assert settings.threads == 3
    assert settings.given["threads"].origin == "TECHNIC_THREADS"
    assert settings.stores == home / "stores"
    assert settings.kernels == home / "cache" / "kernels"


def test_a_file_that_names_no_setting_is_refused(tmp_path):
    (tmp_path / "technic.toml").write_text('thread = "3"\n')
    with pytest.raises(ConfigError, match="thread is no setting; there are home"):
        Settings.load({"TECHNIC_HOME": str(tmp_path / "home")}, tmp_path)


@pytest.mark.parametrize(
    "text", ["0", "-1", "1e3", "2.0", "", "²", "①", "x", "9" * 30, "9" * 5_000]
)
@pytest.mark.parametrize("name", ["threads", "retention"])
def test_a_setting_that_is_no_whole_number_is_one_clear_line(name, text):
    settings = Settings({name: Setting(name, text, "TECHNIC_TEST")})
    with pytest.raises(ConfigError, match=f"TECHNIC_TEST: {name} is a whole number") as caught:
        getattr(settings, name)
    assert len(str(caught.value)) < 150


def test_digits_of_any_script_are_numbers():
    assert Settings({"threads": Setting("threads", " ٣ ", "test")}).threads == 3
