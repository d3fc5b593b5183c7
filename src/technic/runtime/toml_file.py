"""TOML files that users write: read within bounds, and one clear line where they cannot be."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from technic.errors import ConfigError

MOST_TOML = 1 << 20  # bytes of a file


def toml_text(path: Path) -> str | None:
    """The text of a TOML file; None for a word that names none, such as a preset's.

    Raises
    ------
    OSError, ValueError
        If it cannot be read, or is larger than `MOST_TOML`.
    """
    if path.suffix != ".toml" and not path.exists():
        return None
    with path.open(encoding="utf-8") as handle:
        text = handle.read(MOST_TOML + 1)
    if len(text) > MOST_TOML:
        message = "too large"
        raise ValueError(message)
    return text


def read_toml(path: Path, *, required: bool = False) -> dict[str, Any]:
    """What a TOML file holds.

    Parameters
    ----------
    required : whether a missing file is an error; it holds nothing otherwise

    Raises
    ------
    ConfigError
        If it cannot be read, is larger than `MOST_TOML`, or is required and missing.
    """
    try:
        if path.stat().st_size > MOST_TOML:
            raise ConfigError(f"{path}: is larger than {MOST_TOML:,} bytes")
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        str(content)  # Python writes no whole number of too many digits, which hexadecimals can be
    except FileNotFoundError as error:
        if required:
            raise ConfigError(f"{path}: there is no such file") from error
        return {}
    except RecursionError as error:  # brackets inside brackets, without end
        raise ConfigError(f"{path}: cannot be read: nested too deep") from error
    except (ValueError, OSError) as error:  # no TOML, no UTF-8, or a number that nothing holds
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    return content
