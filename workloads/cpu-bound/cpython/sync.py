"""sync: one URL after the other."""

from benchd_workload import Workload
from urls import URLs, encode


def main():
    workload = Workload()
    urls = URLs(workload)
    workload.ready()
    workload.done(encode(urls, range(urls.items)))


if __name__ == "__main__":
    main()
