"""Whether a vendor answers as our readers and the simulated vendor assume it does.

`table` says what questions and assumptions are; `massive`, `alpaca` and `edgar` list those of
each vendor; `examination` asks, compares and keeps the answers, without keys.
"""
