"""threading: a pool of threads, each with an equal share of the URLs."""

import threading
from concurrent.futures import ThreadPoolExecutor

from benchd_workload import Workload, total
from urls import URLs, encode


def main():
    workload = Workload()
    urls = URLs(workload)
    threads = workload.concurrency
    with ThreadPoolExecutor(threads) as pool:
        # An executor starts a thread when none is idle: hold each at the barrier
        # until all are there.
        barrier = threading.Barrier(threads, timeout=60)
        list(pool.map(lambda _: barrier.wait(), range(threads)))
        workload.ready()
        tallies = pool.map(lambda share: encode(urls, share), urls.shares(threads))
        workload.done(total(tallies))


if __name__ == "__main__":
    main()
