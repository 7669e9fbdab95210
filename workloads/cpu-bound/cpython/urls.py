"""The input of the task and the work on it; every other file here is one model."""

import zlib

from benchd_workload import Tally

# The query starts as the letters, doubles with each URL, and starts again after it
# has reached 1,000 characters: 26, 52, ... 1664.
QUERIES = ["abcdefghijklmnopqrstuvwxyz" * 2**k for k in range(7)]

# URLs that are handed to a worker at once, where a model deals them out in pieces.
CHUNK = 500


class URLs:
    """The URLs of one run, numbered from 0, made when they are asked for."""

    def __init__(self, workload):
        self.urls = int(workload.param("urls"))  # different ones; each pass starts again
        self.items = self.urls * workload.passes

    def __getitem__(self, item):
        i = item % self.urls
        return f"https://httpbin.org/anything/{i}?query={QUERIES[i % 7]}"

    def shares(self, n):
        """Divide the URLs into n equal shares, each a range of numbers."""
        bounds = [i * self.items // n for i in range(n + 1)]
        return [range(first, last) for first, last in zip(bounds, bounds[1:])]

    def chunks(self):
        """Divide the URLs into ranges of CHUNK numbers."""
        for first in range(0, self.items, CHUNK):
            yield range(first, min(first + CHUNK, self.items))


def encode(urls, numbers):
    """Walk over every character of the URLs, encode it on its own, add up the bytes."""
    size = checksum = 0
    for item in numbers:
        url = urls[item]
        for character in url:
            size += len(character.encode())
        checksum += zlib.crc32(url.encode())
    return Tally(items=len(numbers), units=size, checksum=checksum)
