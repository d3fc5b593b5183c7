"""A scan file, traded session after session on what was known then.

`deciding` asks the question as the scan does; `tape` is what was traded, as printed; `costs` is what
trading costs; `trading` is the account; `findings` says what it came to; `running` is the whole.
"""
