"""What there is to set: names, variables, defaults and what each setting does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from technic.runtime.cache import DEFAULT

DEFAULT_HISTORY = 504  # sessions: two years
DEFAULT_RETENTION = 400  # days


@dataclass(frozen=True, slots=True)
class SettingInfo:
    """One thing that can be set, as the reference page shows it.

    Attributes
    ----------
    variable : of the environment
    default : what holds if nothing is set, in words where it depends on the machine
    meaning : what the setting does, in one or two sentences
    """

    variable: str
    default: str
    meaning: str


SETTINGS: Mapping[str, SettingInfo] = {
    "home": SettingInfo(
        "TECHNIC_HOME",
        "the system's usual folders for data, cache and settings",
        "Folder of everything that technic writes: stores, settings, compiled indicators, logs.",
    ),
    "store": SettingInfo(
        "TECHNIC_STORE",
        "stores/default below home; the demo's if there is no other",
        "Store that commands use without --store: a folder, or s3://bucket/path.",
    ),
    "threads": SettingInfo(
        "TECHNIC_THREADS", "one per core", "How many threads compute. It never changes an answer."
    ),
    "device": SettingInfo(
        "TECHNIC_DEVICE",
        "auto",
        "Where models forecast: auto (a graphics card if there is one), cpu or cuda. "
        "It never changes an answer.",
    ),
    "executor": SettingInfo(
        "TECHNIC_EXECUTOR",
        "processes",
        "Where long work runs: inline:, threads:N, processes:N, ray://local or ray://host:port.",
    ),
    "plugins": SettingInfo(
        "TECHNIC_PLUGINS",
        "none",
        "Scores of your own that may run, each with the digest of its files: "
        "technic plugins trust writes it.",
    ),
    "cache": SettingInfo(
        "TECHNIC_CACHE",
        DEFAULT,
        "Where computed columns and reports are kept: any of memory, files and "
        "redis://host:port/0, quickest first, with commas between; or none.",
    ),
    "database": SettingInfo(
        "TECHNIC_DATABASE",
        "file",
        "Where the catalog is: file, beside the store, or postgresql://user@host/name. "
        "DATABASE_URL counts too, if it names PostgreSQL.",
    ),
    "provider": SettingInfo(
        "TECHNIC_PROVIDER",
        "those with a key",
        "Vendors to sync from: massive, alpaca, flatfiles, or several with commas between.",
    ),
    "plan": SettingInfo(
        "TECHNIC_PLAN",
        "the free one",
        "Your plan at the vendor, such as basic, starter, developer or advanced, or calls/seconds. "
        "It decides how fast a sync may ask and how far back it may go.",
    ),
    "edgar_contact": SettingInfo(
        "TECHNIC_EDGAR_CONTACT",
        "none",
        "Your name and mail address, without which the SEC answers nothing.",
    ),
    "history": SettingInfo(
        "TECHNIC_HISTORY",
        str(DEFAULT_HISTORY),
        "How many sessions of history a sync brings in.",
    ),
    "retention": SettingInfo(
        "TECHNIC_RETENTION",
        str(DEFAULT_RETENTION),
        "For how many days versions of a store are kept that no kept report, run, model or rollout "
        "names.",
    ),
    "webhook_hosts": SettingInfo(
        "TECHNIC_WEBHOOK_HOSTS",
        "none",
        "Hosts of your own network that alerts may be sent to, with commas between.",
    ),
    "proxies": SettingInfo(
        "TECHNIC_PROXIES",
        "none",
        "Proxies in front of the server, whose X-Forwarded-For is believed: addresses or networks, "
        "with commas between.",
    ),
    "universe": SettingInfo(
        "TECHNIC_UNIVERSE", "all", "What a sync brings in: all, or symbols A,B,C."
    ),
}
