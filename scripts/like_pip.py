"""Run uv with pip's settings: where packages come from, and whom to trust, is said once.

    python scripts/like_pip.py UV ARGUMENT…

uv does not read pip's settings. They become variables of its environment; one that is set there
already counts more. Every file is held against its hash, so it may come from any index.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping

# What uv calls what pip calls so, and what stands between several of them.
VARIABLES = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "no-index": ("UV_NO_INDEX", " "),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "cert": ("SSL_CERT_FILE", " "),
    "timeout": ("UV_HTTP_TIMEOUT", " "),
    "default-timeout": ("UV_HTTP_TIMEOUT", " "),
    "proxy": ("ALL_PROXY", " "),
}
SECTIONS = ("global.", "install.", ":env:.")  # the later one counts more
ALWAYS = {"UV_INDEX_STRATEGY": "unsafe-best-match", "UV_PYTHON_DOWNLOADS": "never"}


def variables(lines: Iterable[str]) -> dict[str, str]:
    """The environment of uv for what `pip config list` prints.

    Examples
    --------
    >>> variables(["global.find-links='/a /b'", ":env:.index-url='file:///simple'"])
    {'UV_FIND_LINKS': '/a,/b', 'UV_DEFAULT_INDEX': 'file:///simple'}
    """
    found = {}
    for section in SECTIONS:
        for line in lines:
            name, _, value = line.strip().partition("=")
            if name.startswith(section) and name.removeprefix(section) in VARIABLES:
                variable, between = VARIABLES[name.removeprefix(section)]
                found[variable] = between.join(str(ast.literal_eval(value)).split())
    return found


def environment(given: Mapping[str, str], lines: Iterable[str]) -> dict[str, str]:
    """The whole environment of uv; what is given counts more than what pip is told."""
    return {**ALWAYS, **variables(list(lines)), **given}


def main() -> None:
    """Become uv."""
    asked = [sys.executable, "-m", "pip", "config", "list"]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    env = environment(os.environ, said.splitlines())
    os.execve(sys.argv[1], sys.argv[1:], env)  # noqa: S606 -- the installer that make fetched


if __name__ == "__main__":
    main()
