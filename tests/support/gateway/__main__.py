"""The double as a process: ``python -m support.gateway [SETTINGS]``; ``--help`` says what it takes.

It prints its port once it answers. SIGTERM drains it as it does the real one.
"""

import argparse
import asyncio
import json
import signal
import sys
from dataclasses import asdict
from typing import get_args

from support.gateway import script
from support.gateway.faults import Kind
from support.gateway.life import live
from support.gateway.settings import Settings

_ABOUT = """\
A double of the OpenClaw gateway, on 127.0.0.1. It prints its port once it answers.
SIGTERM lets its sessions end first, as the real one does; SIGINT and SIGKILL do not.
"""

_USUAL = "\n".join(f"  {name:<16}  {json.dumps(value)}" for name, value in asdict(Settings()).items())

_MORE = f"""\
settings, and what they are unless they are given (support/gateway/settings.py says what each means):
{_USUAL}

faults, switched on while it runs (support/gateway/faults.py says what each does):
  curl 127.0.0.1:PORT/double/faults -d '{{"on": "sessions_spawn", "kind": "drop", "acted": true, "times": 1}}'
  kinds: {", ".join(get_args(Kind))}
  curl -X DELETE 127.0.0.1:PORT/double/faults    takes all of them away
  curl 127.0.0.1:PORT/double/seen                what was asked of it, and each call of its model

{script.__doc__}"""


def _settings(text: str) -> Settings:
    try:
        return Settings.from_json(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _asked() -> Settings:
    parser = argparse.ArgumentParser(
        prog="python -m support.gateway",
        description=_ABOUT,
        epilog=_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = """a JSON object, such as '{"port": 18789, "speed": 10}'"""
    parser.add_argument(
        "settings", metavar="SETTINGS", type=_settings, nargs="?", default=Settings(), help=what
    )
    settings: Settings = parser.parse_args().settings
    return settings


async def main(settings: Settings) -> None:
    ended, drained = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, drained.set)
    loop.add_signal_handler(signal.SIGINT, ended.set)
    try:
        await live(settings, lambda port: print(port, flush=True), ended, drained)
    except OSError as error:  # of its port, or of the file of its state
        sys.exit(f"the double cannot live: {error}")


if __name__ == "__main__":
    asyncio.run(main(_asked()))
