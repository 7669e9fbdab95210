"""threading: a pool of threads, each with a Session of its own."""

import threading
from concurrent.futures import ThreadPoolExecutor

from benchd_workload import Workload, total
from exchange import Exchange
from requests_client import CLIENT, Worker


def main():
    workload = Workload()
    exchange = Exchange(workload)
    workers = []
    of_thread = threading.local()
    started = threading.Barrier(workload.concurrency, timeout=60)

    def set_up():
        of_thread.worker = Worker(exchange)
        workers.append(of_thread.worker)

    def get(item):
        of_thread.worker.get(item)

    with ThreadPoolExecutor(workload.concurrency, initializer=set_up) as pool:
        # An executor starts a thread when none is idle: hold each at the barrier
        # until all are there.
        list(pool.map(lambda _: started.wait(), range(workload.concurrency)))
        workload.ready(CLIENT)
        for _ in pool.map(get, range(exchange.items)):
            pass  # a failed request is in a tally: what is raised here is a fault of the program
        exchange.finish()
        workload.done(total(worker.tally for worker in workers))
    for worker in workers:
        worker.session.close()


if __name__ == "__main__":
    main()
