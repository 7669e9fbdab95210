"""The requests of one thread, with the library requests."""

import time

import requests

from exchange import TIMEOUT_SECONDS, new_tally

CLIENT = f"requests {requests.__version__}"


class Worker:
    """A Session, which keeps its connection alive, and a tally: one of each per thread."""

    def __init__(self, exchange):
        self.exchange = exchange
        self.tally = new_tally()
        self.session = requests.Session()
        self.session.trust_env = False  # neither proxy nor netrc stands between us and the httpbin
        self._head_bytes = exchange.head_bytes(self.session.headers)

    def get(self, item):
        tally = self.tally
        query = self.exchange.query(item)
        failure = None
        begin = time.perf_counter_ns()
        try:
            response = self.session.get(self.exchange.base + query, timeout=TIMEOUT_SECONDS)
        except requests.Timeout:
            failure = "timeout"
        except requests.RequestException:
            failure = "connection"
        tally.latency.record(time.perf_counter_ns() - begin)
        tally.items += 1
        if failure:
            tally.fail(failure)
            return
        tally.bytes_sent += self._head_bytes + len(query)
        self.exchange.settle(tally, query, response.status_code, response.content)
