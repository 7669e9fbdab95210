"""What a benchd workload in Python needs: its environment, the protocol, a tally.

    workload = Workload()
    ...                              # set up: pools, sessions, threads
    workload.ready(client="aiohttp 3.11.16")
    tally = Tally()
    ...                              # work: the measured region
    workload.done(tally)
    ...                              # let go

workloads/README.md describes the protocol. Standard library only, Python 3.9 and later.
"""

import bisect
import json
import os
import sys
import time
from collections import Counter

PROTOCOL = 1

# Upper bounds of the latency buckets in nanoseconds: 120 a decade, each 1.9 % above
# the one before, from 1 us to 1,000 s; whole numbers, so that languages agree on them.
BOUNDS = [round(1000 * 10 ** (i / 120)) for i in range(9 * 120 + 1)]

# Kinds of errors beyond so many count as "other"; the protocol allows 32.
MAX_KINDS = 30


class Histogram:
    """Durations counted in buckets. For one thread: each worker has its own."""

    def __init__(self):
        self.counts = Counter()  # by bucket: most have none, and tallies are added up in the measured region
        self.nanoseconds = 0

    def record(self, nanoseconds):
        """Count one duration; what is longer than 1,000 s counts as that."""
        nanoseconds = min(max(nanoseconds, 0), BOUNDS[-1])
        self.counts[bisect.bisect_left(BOUNDS, nanoseconds)] += 1
        self.nanoseconds += nanoseconds

    def add(self, other):
        self.counts.update(other.counts)
        self.nanoseconds += other.nanoseconds

    def message(self):
        """Leave out empty buckets, save the one below each that counts: it says where that one begins."""
        buckets = [
            {"le": bound / 1e9, "count": self.counts[i]}
            for i, bound in enumerate(BOUNDS)
            if i in self.counts or i + 1 in self.counts
        ]
        return {"sum_seconds": self.nanoseconds / 1e9, "buckets": buckets}


class Tally:
    """The result of one worker. The workers' tallies are added up at the end."""

    def __init__(self, items=0, units=0, checksum=0):
        self.items = items  # handled, failed ones included
        self.units = units  # of work done by the items that succeeded
        self.checksum = checksum  # sum over the items that succeeded
        self.errors = Counter()
        self.bytes_sent = 0
        self.bytes_received = 0
        self.bytes_written = 0
        self.latency = None  # a Histogram where items are timed

    def fail(self, kind, count=1):
        if kind not in self.errors and len(self.errors) >= MAX_KINDS:
            kind = "other"
        self.errors[kind] += count

    def add(self, other):
        self.items += other.items
        self.units += other.units
        self.checksum += other.checksum
        self.bytes_sent += other.bytes_sent
        self.bytes_received += other.bytes_received
        self.bytes_written += other.bytes_written
        for kind, count in other.errors.items():
            self.fail(kind, count)
        if other.latency is not None:
            if self.latency is None:
                self.latency = Histogram()
            self.latency.add(other.latency)

    def message(self, elapsed_seconds):
        message = {
            "type": "result",
            "elapsed_seconds": elapsed_seconds,
            "items": self.items,
            "units": self.units,
            "checksum": self.checksum,
            "errors": self.errors,
            "bytes_sent": self.bytes_sent,
            "bytes_received": self.bytes_received,
            "bytes_written": self.bytes_written,
        }
        if self.latency is not None:
            message["latency"] = self.latency.message()
        return message


def total(tallies):
    """Return the sum of the tallies."""
    result = Tally()
    for tally in tallies:
        result.add(tally)
    return result


class Workload:
    """The program's side of one run."""

    def __init__(self):
        version = os.environ.get("WORKLOAD_PROTOCOL")
        if version != str(PROTOCOL):
            sys.exit(f"WORKLOAD_PROTOCOL is {version!r}, this program speaks {PROTOCOL}: benchd starts it")
        # Children that are spawned do not get the descriptor: a stray one that
        # held it open would keep the daemon waiting for a message.
        fd = int(os.environ["WORKLOAD_FD"])
        os.set_inheritable(fd, False)
        self._messages = open(fd, "w", encoding="utf-8")
        self._token = None  # of the gate that began the region: the result repeats it
        self._started = None
        self.concurrency = int(os.environ["WORKLOAD_CONCURRENCY"])
        self.passes = int(os.environ["WORKLOAD_PASSES"])
        self.dir = os.environ["WORKLOAD_DIR"]
        self.httpbin_url = os.environ.get("WORKLOAD_HTTPBIN_URL", "").rstrip("/")

    def param(self, name):
        """Return a parameter of the manifest as text."""
        return os.environ["WORKLOAD_" + name.upper()]

    def ready(self, client=""):
        """Say that the program is set up; return when the measured region begins."""
        gil = getattr(sys, "_is_gil_enabled", lambda: True)()
        self._send(
            {
                "type": "ready",
                "protocol": PROTOCOL,
                "pid": os.getpid(),
                "runtime": ".".join(map(str, sys.version_info[:3])),
                "client": client,
                "gil": "enabled" if gil else "disabled",
            }
        )
        self._token = self._wait("start")
        self._started = time.perf_counter()

    def done(self, tally):
        """End the region and report its result; return when the program may let go and exit."""
        elapsed = time.perf_counter() - self._started
        self._send({**tally.message(elapsed), "token": self._token})
        self._wait("exit")

    def _send(self, message):
        self._messages.write(json.dumps(message) + "\n")
        self._messages.flush()

    @staticmethod
    def _wait(gate):
        """Return what follows the gate's name on its line."""
        line = sys.stdin.readline()
        if not line:
            sys.exit("benchd has given up on this run")
        name, _, rest = line.strip().partition(" ")
        if name != gate:
            sys.exit(f"benchd said {name[:20]!r}, want {gate!r}")
        return rest
