"""A new version, a new kernel, a new model takes over without risk.

An *engine* is a long-lived process that answers scans (`technic.operations.rollout.engine`): this version, or another
one in its own environment. One small file says which engine is stable, which is the candidate, and
how far the candidate has come; whoever serves reads it before every question.

1. shadow: the candidate is asked beside the stable engine; its answers are only compared.
2. canary: for a share of the questions, chosen by their hash, its answer is given, if it is the
   same as the stable one (or as near as was declared) and in time; if not, the stable one is.
3. promote: it becomes the stable engine; rollback: it does not, or no longer.
"""

from __future__ import annotations

from technic.operations.rollout.health import Observation, Verdict, judge
from technic.operations.rollout.router import Router
from technic.operations.rollout.state import Engine, Rollout, RolloutFile

__all__ = ["Engine", "Observation", "Rollout", "RolloutFile", "Router", "Verdict", "judge"]
