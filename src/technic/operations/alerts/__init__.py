"""Alerts: what changed in a saved scan, told to people.

    report ─ AlertBook.observe ─► alerts ─► deliveries ─ deliver ─► channels
                 ▲ memory of what was told

1. A scan is evaluated, at night or while the market trades. `AlertBook.observe` compares its list
   with what it remembers of the list before: who entered, who left, for whom a condition came true.
2. The changes are kept as alerts together with the new memory, in one transaction. A process that
   is killed at any moment has done both or neither: no change is lost, none is decided twice.
3. For each channel that the scan names a delivery waits in the catalog. `deliver` sends what waits,
   and sends it again until the channel has taken it: at least once. A receiver knows a message it
   has had by its key.

What counts as a change is decided by `decide` in `scanner/spec/alert_rules.py`, beside the rules of a
scan file. `book` holds steps 1 and 2, `delivery` step 3. `channels` says where alerts go, a webhook, a mailbox
or a service; `webhook_guard` where they never go.
"""

from __future__ import annotations

from technic.operations.alerts.book import Alert, AlertBook
from technic.operations.alerts.channels import Channel, channels_of, keep_channel
from technic.operations.alerts.delivery import Delivered, deliver

__all__ = [
    "Alert",
    "AlertBook",
    "Channel",
    "Delivered",
    "channels_of",
    "deliver",
    "keep_channel",
]
