"""Changes of scans, told to people: decided once, kept, delivered at least once.

    report ─ book.observe ─► alerts ─► deliveries ─ delivery.deliver ─► channels
                 ▲ memory of what was told

`book` decides and keeps in one transaction, so that a process killed at any moment has either
done both or neither. `delivery` sends what waits, and sends it again until it was taken;
receivers know an alert they have had by its key. `channels` says where, `guard` where never.
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
