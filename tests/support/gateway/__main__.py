"""The double as a process: ``python -m support.gateway SETTINGS``, with the settings as JSON.

It prints its port once it answers. SIGTERM drains it as it does the real one.
"""

import asyncio
import signal
import sys

from support.gateway.life import live
from support.gateway.settings import Settings


async def main() -> None:
    ended, drained = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, drained.set)
    await live(Settings.from_json(sys.argv[1]), lambda port: print(port, flush=True), ended, drained)


if __name__ == "__main__":
    asyncio.run(main())
