"""Rollouts: a new version, kernel or model takes over without risk.

An *engine* is a long-lived process that answers scans: this version of the package, or another one
in its own environment. A *candidate* is an engine that is tried beside the stable one. One small
file says who is who and how far the candidate has come; whoever serves reads it before every
question.

1. Shadow: the candidate is asked the same questions as the stable engine. Its answers are compared
   and thrown away; nobody waits for them.
2. Canary: for a share of the questions, chosen by a hash of the question, the candidate's answer is
   given, if it is the same as the stable one (or as near as was declared) and comes in time. If
   not, the stable answer is given.
3. After every answer `judge` says whether to hold, to raise the share, or to roll back. One answer
   that differs is enough for that; slowness and memory must show on many questions.
4. Promote: the candidate becomes the stable engine. Roll back: it does not, or no longer.

`engine` is the process, `state` the file, `router` asks both engines, `health` judges.
"""

from __future__ import annotations

from technic.operations.rollout.health import Observation, Verdict, judge
from technic.operations.rollout.router import Router
from technic.operations.rollout.state import Engine, Rollout, RolloutFile

__all__ = ["Engine", "Observation", "Rollout", "RolloutFile", "Router", "Verdict", "judge"]
