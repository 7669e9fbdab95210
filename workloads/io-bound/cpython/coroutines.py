"""asyncio: coroutines on one event loop, one for each connection."""

import asyncio

from aiohttp_client import CLIENT, Worker
from benchd_workload import Workload
from exchange import Exchange


async def main(client=CLIENT):
    workload = Workload()
    exchange = Exchange(workload)
    worker = Worker(exchange, workload.concurrency)
    await worker.open()
    workload.ready(client)
    await worker.get_all(range(exchange.items))
    exchange.finish()
    workload.done(worker.tally)
    await worker.close()


if __name__ == "__main__":
    asyncio.run(main())
