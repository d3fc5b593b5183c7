"""The daily loop as the schedulers of operating systems are told about it."""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from technic.errors import ConfigError
from technic.market.sessions import NEW_YORK

SYSTEMS = ("cron", "systemd", "launchd", "windows")


def this_system() -> str:
    """The scheduler of the machine we are on."""
    if sys.platform == "win32":
        return "windows"
    if sys.platform == "darwin":
        return "launchd"
    return "systemd" if shutil.which("systemctl") else "cron"


def schedule_for(system: str, hour: int, minute: int) -> str:
    """What to install, and how; a time of day in New York.

    Raises
    ------
    ConfigError
        If the scheduler is none that we know.
    """
    if system not in SYSTEMS:
        raise ConfigError(f"{system}: there are {', '.join(SYSTEMS)}")
    program = shutil.which("technic") or "technic"
    if system == "cron":
        return "\n".join(
            [
                "# crontab -e, and add:",
                "CRON_TZ=America/New_York",
                f"{minute} {hour} * * 1-5  {program} daily >> $HOME/technic-daily.log 2>&1",
            ]
        )
    if system == "systemd":
        return _systemd(program, hour, minute)
    local = datetime.now(UTC).astimezone(NEW_YORK).replace(hour=hour, minute=minute).astimezone()
    if system == "launchd":
        return _launchd(program, local.hour, local.minute)
    return (
        "rem in a command prompt; the time is yours, not New York's: look at it twice a year\n"
        f'schtasks /Create /TN "technic daily" /SC WEEKLY /D MON,TUE,WED,THU,FRI '
        f'/ST {local:%H:%M} /TR "\\"{program}\\" daily"'
    )


def _systemd(program: str, hour: int, minute: int) -> str:
    return f"""# ~/.config/systemd/user/technic-daily.service
[Unit]
Description=technic: sync, scan, tell
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart={program} daily

# ~/.config/systemd/user/technic-daily.timer
[Unit]
Description=technic after the close

[Timer]
OnCalendar=Mon..Fri *-*-* {hour:02}:{minute:02}:00 America/New_York
Persistent=true

[Install]
WantedBy=timers.target

# then: systemctl --user daemon-reload && systemctl --user enable --now technic-daily.timer"""


def _launchd(program: str, hour: int, minute: int) -> str:
    days = "".join(
        f"""
    <dict>
      <key>Weekday</key><integer>{day}</integer>
      <key>Hour</key><integer>{hour}</integer>
      <key>Minute</key><integer>{minute}</integer>
    </dict>"""
        for day in range(1, 6)
    )
    return f"""<!-- ~/Library/LaunchAgents/technic.operations.nightly.plist; the time is yours, not New York's -->
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key><string>technic.operations.nightly</string>
  <key>ProgramArguments</key>
  <array><string>{escape(program)}</string><string>daily</string></array>
  <key>StartCalendarInterval</key>
  <array>{days}
  </array>
</dict>
</plist>
<!-- then: launchctl load ~/Library/LaunchAgents/technic.operations.nightly.plist -->"""
