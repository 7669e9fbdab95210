"""What the models share: the input, the file of bodies, and how an answer is judged."""

import os
import resource
import threading
import zlib

from benchd_workload import Histogram, Tally

# The query starts as the letters, doubles with each URL, and starts again after it
# has reached 1,000 characters: 26, 52, ... 1664.
QUERIES = ["abcdefghijklmnopqrstuvwxyz" * 2**k for k in range(7)]

TIMEOUT_SECONDS = 30


class Exchange:
    """The requests of one run, numbered from 0, and the file to which the bodies go."""

    def __init__(self, workload):
        self.urls = int(workload.param("urls"))  # different ones; each pass starts again
        self.items = self.urls * workload.passes
        delay = workload.param("delay_seconds")
        # Without a delay it is /get: /delay/0 makes the server set a timer for nothing.
        self.path = f"/delay/{delay}?" if float(delay) else "/get?"
        self.base = workload.httpbin_url + self.path
        self.host = workload.httpbin_url.partition("://")[2]
        self._file = open(os.path.join(workload.dir, "bodies"), "ab")
        self._lock = threading.Lock()
        _raise_file_limit()

    def query(self, item):
        i = item % self.urls
        return f"id={i}&query={QUERIES[i % 7]}"

    def head_bytes(self, headers):
        """Return the bytes of a request with these headers, as http.client writes it, without its query."""
        headers = {"Host": self.host, **headers}
        lines = sum(len(f"{name}: {value}\r\n") for name, value in headers.items())
        return len(f"GET {self.path} HTTP/1.1\r\n") + lines + len("\r\n")

    def settle(self, tally, query, status, body):
        """Count an answered request, and append its body to the file if it is right."""
        tally.bytes_received += len(body)
        query = query.encode()
        if status != 200:
            tally.fail(f"status_{status}")
        elif query not in body:
            tally.fail("wrong_body")
        else:
            tally.units += 1
            tally.checksum += zlib.crc32(query)
            tally.bytes_written += len(body)
            with self._lock:
                self._file.write(body)

    def finish(self):
        """Complete the file of bodies: part of the measured region."""
        self._file.close()


def new_tally():
    tally = Tally()
    tally.latency = Histogram()
    return tally


def _raise_file_limit():
    """Allow as many connections as the system does: the usual limit is 1,024 files."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
