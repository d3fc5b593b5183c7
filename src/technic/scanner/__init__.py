"""One question, one session, one report: which stocks, in which order, and why."""
