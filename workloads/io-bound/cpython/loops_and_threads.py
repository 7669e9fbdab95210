"""asyncio+threads: threads with an event loop each, the requests dealt out among them.

The connections, given as the only argument, are dealt out too: as many are open
with 10 threads as with 1,000.
"""

import asyncio
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from aiohttp_client import CLIENT, Worker
from benchd_workload import Workload, total
from exchange import Exchange


def main():
    workload = Workload()
    exchange = Exchange(workload)
    threads = workload.concurrency
    connections = max(1, int(sys.argv[1]) // threads)
    workers = []
    of_thread = threading.local()
    together = threading.Barrier(threads, timeout=60)

    def in_each_thread(function):
        """Call the function once in every thread of the pool: none takes a second turn before all have met."""

        def turn(i):
            together.wait()
            function(i)

        for _ in pool.map(turn, range(threads)):
            pass

    def set_up(_):
        of_thread.loop = asyncio.new_event_loop()
        of_thread.worker = Worker(exchange, connections)
        of_thread.loop.run_until_complete(of_thread.worker.open())
        workers.append(of_thread.worker)

    def work(i):
        share = range(i, exchange.items, threads)
        of_thread.loop.run_until_complete(of_thread.worker.get_all(share))

    def let_go(_):
        of_thread.loop.run_until_complete(of_thread.worker.close())
        of_thread.loop.close()

    with ThreadPoolExecutor(threads) as pool:
        in_each_thread(set_up)
        workload.ready(CLIENT)
        in_each_thread(work)
        exchange.finish()
        workload.done(total(worker.tally for worker in workers))
        in_each_thread(let_go)


if __name__ == "__main__":
    main()
