"""A scan file, traded session after session on what was known then.

`inputs` asks the store: `decisions` for what the scan said, `prices` for what was traded, as
printed, `costs` for what trading costs. `account` follows the decisions and leaves `trades`.
`metrics` says what they came to, and `run` is the whole.
"""
