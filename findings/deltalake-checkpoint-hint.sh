#!/usr/bin/env bash
# what: a Delta table whose log is whole, and whose _delta_log/_last_checkpoint names a checkpoint that
#       is not there
# expected: the table opens: the protocol calls the file a hint of where to begin to read
# seen: DeltaTable raises and the rows cannot be read; once the file is removed the table opens, and
#       a hint that is no JSON at all does no harm
# versions: deltalake 1.6.6
# matters: a copy that left out the checkpoints, or one wrong byte in a file that nobody needs, makes
#          a whole store unreadable. technic removes a hint that names no checkpoint, and says so
# source: the Delta protocol, "Last Checkpoint File": readers may use it, and fall back on listing
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check deltalake==1.6.6 pyarrow==21.0.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

for k in range(3):
    write_deltalake("table", pa.table({"x": [k]}), mode="append")
hint = Path("table/_delta_log/_last_checkpoint")


def opened():
    try:
        return str(DeltaTable("table").version())
    except Exception as error:
        return type(error).__name__


seen = {"none": opened()}
for name, text in {"no JSON": "hint", "a missing one": '{"version": 1, "size": 3}'}.items():
    hint.write_text(text)
    seen[name] = opened()
hint.unlink()
seen["removed"] = opened()
print("hint:", seen)
assert seen["none"] == seen["no JSON"] == seen["removed"] == "2"
assert not seen["a missing one"].isdigit(), "a false hint is passed over now: this finding is past"
PY
