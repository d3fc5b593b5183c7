"""How long is too long: a sample on a busy machine must not fail for the machine's speed.

The limits asked of technic hold at tier 2, on a machine with nothing else to do. At tier 1, run for
every change wherever there is room, what is looked for are answers that are wrong and things that
hang; a time may be many times what is asked. The figures are printed at both.
"""

from __future__ import annotations

BUSY = {1: 10.0, 2: 1.0}  # times a limit of time, by tier
HUNG = 600.0  # seconds after which a command that should end is thought to hang, wherever it runs
