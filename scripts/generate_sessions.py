"""Write src/technic/market/nyse_sessions.csv from exchange_calendars.

    python scripts/generate_sessions.py

The table lists only what is not regular: weekdays without a session, and sessions that
close early (with the New York time of the close). Everything else is Monday to Friday,
closing at 16:00.
"""

from __future__ import annotations

from pathlib import Path

import exchange_calendars
import pandas as pd

FIRST, LAST = "1990-01-01", "2031-12-31"
TARGET = Path(__file__).parents[1] / "src/technic/market/nyse_sessions.csv"


def irregular() -> list[str]:
    """One line per closed weekday or early close, in order of date."""
    calendar = exchange_calendars.get_calendar("XNYS", start=FIRST, end=LAST)
    sessions = calendar.sessions
    closed = pd.bdate_range(FIRST, LAST).difference(sessions)
    closes = calendar.closes.dt.tz_convert("America/New_York")
    early = closes[closes.dt.strftime("%H:%M") != "16:00"]
    rows = [f"{day:%Y-%m-%d},closed," for day in closed]
    rows += [f"{day:%Y-%m-%d},early,{close:%H:%M}" for day, close in early.items()]
    return sorted(rows)


if __name__ == "__main__":
    header = f"date,kind,close\n{FIRST},first,\n{LAST},last,\n"
    TARGET.write_text(header + "\n".join(irregular()) + "\n", encoding="utf-8", newline="\n")
    print(f"{TARGET}: {len(irregular())} rows")
