"""docs/reference/settings.md: every setting and every variable of the environment."""

from __future__ import annotations

import tomllib
from pathlib import Path

from reference.markdown import code, codes, complete, fill, table
from technic.data.ingest.vendors import ENDPOINTS, PLANS
from technic.runtime.secrets import VARIABLES
from technic.runtime.setting_table import SETTINGS

PLANS_TOLD = " ".join(f"At {vendor}: {codes(plans)}." for vendor, plans in PLANS.items())
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
    "databento": "Databento's files: DBN, and CSV packed by zstd.",
    "flatfiles": "Massive's flat files.",
    "yahoo": "A few symbols from Yahoo, for personal use.",
    "edgar": "Nothing to install: EDGAR needs only a contact, see `edgar_contact`.",
    "pandas": "pandas frames in `tc.features` and in imports.",
    "bench": "The pandas baseline of `technic bench`.",
    "all": "All of them but `bench`, `edgar`, `gpu`, `ml-gpu`, `ray` and `yahoo`.",
    "docs": "Builds this site.",
    "build": "Builds the wheel.",
    "release": "Locks versions, and lists what technic is made of: `make lock`, `make sbom`.",
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
    complete(VARIABLES, SECRETS, "secret", "SECRETS of scripts/reference/settings.py")
    complete(
        {variable for variable, _ in ENDPOINTS.values()},
        {name for name in OTHERS if name.endswith("__BASE_URL") and "EDGAR" not in name},
        "address of a vendor", "OTHERS of scripts/reference/settings.py",
    )  # fmt: skip
    rows = [
        (f"[`{name}`](#{name})", code(info.variable), info.default)
        for name, info in sorted(SETTINGS.items())
    ]
    details = [
        f"### `{name}`\n\n{info.meaning}\n\n"
        f"Environment: `{info.variable}`. Default: {info.default}."
        for name, info in sorted(SETTINGS.items())
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
