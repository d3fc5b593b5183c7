"""How many calls may be made: one allowance per key, shared by all processes of a machine."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import Any

from technic.data.providers.source import Pace
from technic.errors import RateError
from technic.runtime.files import make_file, make_folder


class Allowance:
    """A token bucket in a SQLite file with a file lock.

    Parameters
    ----------
    pace : calls in a period; no limit by default
    path : of the file; without one there is no limit
    key : names the bucket in the file: those who give the same one share it
    """

    def __init__(self, pace: Pace | None = None, path: Path | None = None, key: str = "") -> None:
        self._pace = pace or Pace()
        self._limiter: Any = None
        self._bucket: Any = None
        if self._pace.calls and path is not None:
            from pyrate_limiter import Limiter, Rate, SQLiteBucket  # 0.12 s

            make_folder(path.parent)
            make_file(path)
            name = "calls_" + blake2b(key.encode(), digest_size=8).hexdigest()
            rate = Rate(self._pace.calls, round(self._pace.period * 1000))
            self._bucket = SQLiteBucket.init_from_file([rate], name, str(path), use_file_lock=True)
            self._limiter = Limiter(self._bucket)

    @property
    def window(self) -> float:
        """Seconds until the allowance is whole again."""
        return self._pace.period if self._pace.calls else 1.0

    def take(self, timeout: float) -> int | None:
        """Wait for one call; returns how many are left, None if there is no limit.

        Parameters
        ----------
        timeout : seconds to wait at most

        Raises
        ------
        RateError
            If none came free in `timeout` seconds.
        """
        if self._limiter is None:
            return None
        if not self._limiter.try_acquire("call", timeout=timeout):
            raise RateError(
                f"no call came free in {timeout:.0f} s: another process uses the same key"
            )
        return max(self._pace.calls - int(self._bucket.count()), 0)
