"""asyncio+threads: an event loop that hands chunks of URLs to a pool of threads."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from benchd_workload import Workload, total
from urls import URLs, encode


async def main():
    workload = Workload()
    urls = URLs(workload)
    threads = workload.concurrency
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(threads) as pool:
        # An executor starts a thread when none is idle: hold each at the barrier
        # until all are there.
        barrier = threading.Barrier(threads, timeout=60)
        list(pool.map(lambda _: barrier.wait(), range(threads)))
        workload.ready()
        tallies = await asyncio.gather(
            *(loop.run_in_executor(pool, encode, urls, chunk) for chunk in urls.chunks())
        )
        workload.done(total(tallies))


if __name__ == "__main__":
    asyncio.run(main())
