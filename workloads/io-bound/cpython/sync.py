"""sync: one request after the other, over one Session."""

from benchd_workload import Workload
from exchange import Exchange
from requests_client import CLIENT, Worker


def main():
    workload = Workload()
    exchange = Exchange(workload)
    worker = Worker(exchange)
    workload.ready(CLIENT)
    for item in range(exchange.items):
        worker.get(item)
    exchange.finish()
    workload.done(worker.tally)
    worker.session.close()


if __name__ == "__main__":
    main()
