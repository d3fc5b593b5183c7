"""docs/reference/settings.md: every setting and every variable of the environment."""

from __future__ import annotations

import tomllib
from pathlib import Path

from reference.markdown import code, codes, complete, fill, table
from technic.data.ingest.vendors import DEFAULT_HISTORY, ENDPOINTS, PLANS
from technic.runtime.cache import DEFAULT as CACHE
from technic.runtime.executors import DEFAULT as EXECUTOR
from technic.runtime.secrets import VARIABLES
from technic.runtime.settings import SETTINGS

PLANS_TOLD = " ".join(f"At {vendor}: {codes(plans)}." for vendor, plans in PLANS.items())
# By name: the default, and what a reader should know beyond one line.
DETAILS = {
    "home": (
        "the system's usual folders for data, cache and settings",
        (
            "Moves everything technic writes below one folder: stores, settings, compiled indicators, "
            "logs. Set it in the environment; a settings file can move the data, and is itself looked "
            "for where the environment says."
        ),
    ),
    "store": (
        "your own store, `stores/default` below `home`; the demo's if there is no other",
        (
            "The store that commands use without `--store`: a folder, or `s3://bucket/path`. What is "
            "imported or synced never goes into the demo's store unless you name it."
        ),
    ),
    "threads": ("one per core", "How many threads compute. The answer is the same for any number."),
    "device": (
        "`auto`",
        (
            "Where the trees of a model are evaluated: `auto`, `cpu` or `cuda`. `auto` and `cuda` take a "
            "graphics card if the extra `gpu` and a card are there, and the processor if not, with a "
            "line in the log. `cpu` does not look for one. The answer is the same bits."
        ),
    ),
    "executor": (
        code(EXECUTOR),
        (
            "Where long work runs: `inline:`, `threads:N`, `processes:N`, `ray://local` or "
            "`ray://host:port`. Without `N`, one per core. The answer is the same bytes."
        ),
    ),
    "plugins": (
        "none",
        (
            "The scores of your own that may run, each pinned to a digest of its files. "
            "`technic plugins trust` writes it."
        ),
    ),
    "cache": (
        code(CACHE),
        (
            "Where computed columns and reports are kept: any of `memory`, `files` and "
            "`redis://host:port/0`, fastest first, with commas between; or `none`. A shared cache also "
            "needs `TECHNIC_CACHE_SECRET`."
        ),
    ),
    "database": (
        "`file`: SQLite, beside the store",
        (
            "Where the catalog is: `file`, or `postgresql://user@host/name` with the extra `postgres`. "
            "`DATABASE_URL` counts too, if it names PostgreSQL."
        ),
    ),
    "provider": (
        "those whose key is set",
        (
            f"The vendors that `technic sync` asks: {codes(ENDPOINTS)}, or several with commas "
            "between."
        ),
    ),
    "plan": (
        "the vendor's free plan",
        (
            "Your plan at the vendor. It decides how fast a sync may ask and how far back it may go. "
            f"{PLANS_TOLD} `calls/seconds`, such as `20/60`, states a rate of your own."
        ),
    ),
    "edgar_contact": (
        "none",
        (
            "Your name and mail address. The SEC asks everybody for them, and `technic sync-filings "
            "--from edgar` refuses to ask without."
        ),
    ),
    "history": (f"`{DEFAULT_HISTORY}`", "How many sessions of history a sync brings in."),
    "webhook_hosts": (
        "none",
        (
            "Hosts of your own network that alerts may be sent to, with commas between. Private "
            "addresses are refused otherwise."
        ),
    ),
    "universe": (
        "`all`",
        "What a sync brings in: the whole market, or chosen symbols with commas between.",
    ),
}
SECRETS = {
    "massive": "Key of Massive.",
    "alpaca": "Key id of Alpaca.",
    "alpaca_secret": "Secret key of Alpaca.",
    "flatfiles": "Access key of Massive's flat files.",
    "flatfiles_secret": "Secret key of Massive's flat files.",
    "cache_secret": "The same text on every machine that shares a cache.",
}
OTHERS = {
    "DATABASE_URL": "Where the catalog is, if it begins with `postgres` and `TECHNIC_DATABASE` is "
    "not set.",
    "TECHNIC_CACHE_SECRET_FILE": "A file that holds the secret of a shared cache.",
    "TECHNIC_MASSIVE__BASE_URL": "Ask Massive's API at another address, such as the simulated "
    "vendor's.",
    "TECHNIC_ALPACA__BASE_URL": "The same for Alpaca.",
    "TECHNIC_FLATFILES__BASE_URL": "The same for the flat files.",
    "TECHNIC_EDGAR__BASE_URL": "The same for EDGAR.",
    "TECHNIC_MASSIVE__STREAM_URL": "The same for the stream of minute bars.",
    "AWS_ACCESS_KEY_ID": "Credentials of the object storage that holds a store at `s3://…`.",
    "AWS_SECRET_ACCESS_KEY": "The other half of them.",
    "AWS_REGION": "The region of the bucket.",
    "AWS_ENDPOINT": "The address of object storage that is not Amazon's; `AWS_ENDPOINT_URL` counts "
    "too.",
    "RAY_AUTH_MODE": "`token`. A Ray cluster without a token is refused.",
    "RAY_AUTH_TOKEN": "The token, the same on every machine of the cluster.",
    "NO_COLOR": "Set to `quiet`, progress is not shown.",
}
EXTRAS = {
    "web": "The pages and the HTTP API: `technic serve`.",
    "mcp": "Tools for agents: `technic mcp`.",
    "alerts": "Alerts through the services of apprise. Webhooks and mail need no extra.",
    "stream": "Minute bars by websocket: `technic watch --stream`.",
    "ml": "Learning boosted trees. A ridge, and forecasting with either, need no extra.",
    "ml-gpu": "The same by XGBoost's wheel with CUDA. Never beside `ml`: the two overwrite each "
    "other.",
    "gpu": "Forecasts on a graphics card.",
    "redis": "A cache that several machines share.",
    "postgres": "The catalog in PostgreSQL.",
    "ray": "Long work on a Ray cluster.",
    "s3": "Stores in object storage.",
    "flatfiles": "Massive's flat files.",
    "yahoo": "A few symbols from Yahoo, for personal use.",
    "edgar": "Nothing to install: EDGAR needs only a contact, see `edgar_contact`.",
    "pandas": "pandas frames in `tc.features` and in imports.",
    "bench": "The pandas baseline of `technic bench`.",
    "all": "All of them but `bench`, `edgar`, `gpu`, `ml-gpu`, `ray` and `yahoo`.",
    "docs": "Builds this site.",
    "check": "Style, types, spelling, import contracts: `make check`.",
    "test": "Runs the tests: `make test`.",
    "heavy": "Runs the slow ones: `make test-all`.",
}
ROOT = Path(__file__).parents[2]


def settings() -> str:
    """The page."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    complete(extras, EXTRAS, "extra", "EXTRAS of scripts/reference/settings.py")
    complete(SETTINGS, DETAILS, "setting", "DETAILS of scripts/reference/settings.py")
    complete(VARIABLES, SECRETS, "secret", "SECRETS of scripts/reference/settings.py")
    complete(
        {variable for variable, _ in ENDPOINTS.values()},
        {name for name in OTHERS if name.endswith("__BASE_URL") and "EDGAR" not in name},
        "address of a vendor", "OTHERS of scripts/reference/settings.py",
    )  # fmt: skip
    rows = [
        (f"[`{name}`](#{name})", code(variable), DETAILS[name][0])
        for name, (variable, _) in sorted(SETTINGS.items())
    ]
    details = [
        f"### `{name}`\n\n{DETAILS[name][1]}\n\n"
        f"Environment: `{variable}`. Default: {DETAILS[name][0]}."
        for name, (variable, _) in sorted(SETTINGS.items())
    ]
    return fill(
        "settings.md",
        settings=table(("setting", "environment", "default"), rows),
        details="\n\n".join(details),
        secrets=table(
            ("secret", "environment, the first that is set"),
            [(SECRETS[name], codes(names)) for name, names in VARIABLES.items()],
        ),
        others=table(("variable", "meaning"), [(code(k), v) for k, v in OTHERS.items()]),
        extras=table(("extra", "brings"), [(code(f"[{k}]"), v) for k, v in EXTRAS.items()]),
    )
