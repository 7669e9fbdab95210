"""steps.py: fixed work, of which the model "heavy" does 1.5 times as much, and "victim" as many times as a file
"switch" in BENCHD_DATA_DIR says."""

import hashlib
import json
import os
import sys
import time

# Checksums are made in C: a loop in Python varies by 5 % and more from process to process.
STEPS = 1500
BYTES = 20 << 20  # beside some 15 MB of the interpreter
BLOCK = bytes(64 << 10)


def say(message):
    os.write(int(os.environ["WORKLOAD_FD"]), json.dumps(message).encode() + b"\n")


def switch():
    try:
        with open(os.path.join(os.environ["WORKLOAD_DIR"], "..", "..", "switch"), encoding="utf-8") as f:
            return json.load(f)
    except FileNotFoundError:
        return {}


more = {"base": dict, "heavy": lambda: {"work": 1.5}, "victim": switch}[os.environ["WORKLOAD_MODEL"]]()
steps = int(STEPS * more.get("work", 1))
held = bytes(b"x" * int(BYTES * more.get("memory", 1)))
say({"type": "ready", "protocol": 1, "pid": os.getpid(), "runtime": sys.version.split()[0]})
_, token = sys.stdin.readline().split()
begun = time.monotonic()
for _ in range(steps):
    hashlib.sha256(BLOCK).digest()
elapsed = time.monotonic() - begun
say({"type": "result", "token": token, "elapsed_seconds": elapsed, "items": 1, "units": 1, "checksum": 1})
sys.stdin.readline()
