"""asyncio-uvloop: the coroutines of asyncio on uvloop's event loop."""

import uvloop

from aiohttp_client import CLIENT
from coroutines import main

if __name__ == "__main__":
    # Neither uvloop.install, which newer Pythons deprecate, nor uvloop.run, which
    # older uvloops lack.
    loop = uvloop.new_event_loop()
    loop.run_until_complete(main(f"{CLIENT}, uvloop {uvloop.__version__}"))
    loop.close()
