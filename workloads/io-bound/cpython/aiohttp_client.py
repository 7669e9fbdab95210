"""The requests of one event loop, with the library aiohttp."""

import asyncio
import time

import aiohttp

from exchange import TIMEOUT_SECONDS, new_tally

CLIENT = f"aiohttp {aiohttp.__version__}"


class Worker:
    """A ClientSession and a tally: one of each per event loop, shared by its coroutines."""

    def __init__(self, exchange, connections):
        self.exchange = exchange
        self.connections = connections
        self.tally = new_tally()
        self.session = None
        self._head_bytes = None

    async def open(self):
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self.connections),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
        )

    async def close(self):
        await self.session.close()

    async def get_all(self, items):
        """Make the requests, as many at a time as there are connections."""
        items = iter(items)  # shared: whoever has an answer takes the next
        await asyncio.gather(*(self._get_some(items) for _ in range(self.connections)))

    async def _get_some(self, items):
        for item in items:
            await self._get(item)

    async def _get(self, item):
        tally = self.tally
        query = self.exchange.query(item)
        failure = None
        begin = time.perf_counter_ns()
        try:
            async with self.session.get(self.exchange.base + query) as response:
                body = await response.read()
        except asyncio.TimeoutError:
            failure = "timeout"
        except aiohttp.ClientError:
            failure = "connection"
        tally.latency.record(time.perf_counter_ns() - begin)
        tally.items += 1
        if failure:
            tally.fail(failure)
            return
        if self._head_bytes is None:
            self._head_bytes = self.exchange.head_bytes(response.request_info.headers)
        tally.bytes_sent += self._head_bytes + len(query)
        self.exchange.settle(tally, query, response.status, body)
