"""asyncio: coroutines on one event loop, which take turns after each chunk of URLs."""

import asyncio

from benchd_workload import Workload, total
from urls import URLs, encode


async def encode_chunk(urls, chunk):
    return encode(urls, chunk)


async def main():
    workload = Workload()
    urls = URLs(workload)
    workload.ready()
    tallies = await asyncio.gather(*(encode_chunk(urls, chunk) for chunk in urls.chunks()))
    workload.done(total(tallies))


if __name__ == "__main__":
    asyncio.run(main())
