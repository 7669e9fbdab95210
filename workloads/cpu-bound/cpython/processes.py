"""multiprocessing: a pool of processes, each with an equal share of the URLs."""

import functools
import multiprocessing

from benchd_workload import Workload, total
from urls import URLs, encode


def main():
    workload = Workload()
    urls = URLs(workload)
    processes = workload.concurrency
    started = multiprocessing.Barrier(processes + 1)
    with multiprocessing.Pool(processes, initializer=started.wait) as pool:
        started.wait()
        workload.ready()
        tallies = pool.map(functools.partial(encode, urls), urls.shares(processes), chunksize=1)
        workload.done(total(tallies))
        # Let the processes end by themselves: leaving the block would kill them.
        pool.close()
        pool.join()


if __name__ == "__main__":
    main()
