"""The double of the gateway as a process, for loads of sessions; and how much it bears itself.

``python -m benchmarks.gateway`` measures the second: a load that nears these figures measures the double.
What its sessions do stands in their tasks: ``MODE:slow=3`` takes three seconds. All words stand in
``tests/support/gateway/script.py``.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from benchmarks.measure import Row, print_table

TESTS = Path(__file__).parents[1] / "tests"
TOKEN = "t0ken"
IN_FLIGHT = 200


class Gateway(NamedTuple):
    """A double that runs."""

    url: str
    pid: int

    def seen(self) -> Any:
        """What it has seen: ``counts`` of requests by name, and the ``calls`` of the model."""
        with urllib.request.urlopen(f"{self.url}/double/seen") as answer:
            return json.loads(answer.read())

    def cpu(self) -> float:
        """Seconds of processor time that it has had."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def gateway(**settings: object) -> Iterator[Gateway]:
    """A double until the block ends, with these of its ``Settings``; by default its lane has no end."""
    told = json.dumps({"token": TOKEN, "lane": 10_000, **settings})
    with subprocess.Popen(
        [sys.executable, "-m", "support.gateway", told],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield Gateway(f"http://127.0.0.1:{int(process.stdout.readline())}", process.pid)
        finally:
            process.kill()


def main(requests: int = 1000) -> list[Row]:
    """Requests of each kind in a second, twenty at a time, while 200 sessions are in flight."""
    with gateway() as double:
        return asyncio.run(_measure(double, requests))


async def _measure(double: Gateway, requests: int) -> list[Row]:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:

        async def invoke(tool: str, parent: int = 0, **args: object) -> None:
            body = {"tool": tool, "args": args, "sessionKey": f"agent:main:runner-{parent}"}
            async with session.post(f"{double.url}/tools/invoke", json=body) as answer:
                assert answer.status == 200
                await answer.read()

        for number in range(IN_FLIGHT):
            await invoke("sessions_spawn", number // 4, task="MODE:hang", label=f"jr-held-{number}")

        def spawn(number: int) -> Awaitable[None]:
            return invoke("sessions_spawn", 1000 + number, task="MODE:ok", label=f"jr-new-{number}")

        def look(number: int) -> Awaitable[None]:
            return invoke("sessions_list", search=f"jr-held-{number % IN_FLIGHT}", limit=200)

        def page(number: int) -> Awaitable[None]:
            return invoke("sessions_list", search="jr-held-", limit=200)

        def history(number: int) -> Awaitable[None]:
            return invoke("sessions_history", sessionKey=f"agent:main:subagent:{number}")

        return [
            await _rate("spawn", double, requests, spawn),
            await _rate("look at one session", double, requests, look),
            await _rate("a page of 64 KiB", double, requests // 10, page),
            await _rate("history", double, requests, history),
        ]


async def _rate(what: str, double: Gateway, requests: int, ask: Callable[[int], Awaitable[None]]) -> Row:
    numbers = iter(range(requests))

    async def caller() -> None:
        for number in numbers:
            await ask(number)

    began, cpu = time.perf_counter(), double.cpu()
    await asyncio.gather(*(caller() for _ in range(20)))
    rate = requests / (time.perf_counter() - began)
    each = (double.cpu() - cpu) / requests * 1000
    return Row(what=f"{what} ({each:.2f} ms of the double's processor)", value=f"{rate:.0f}/s")


if __name__ == "__main__":
    print_table("the double of the gateway, 200 sessions in flight", main())
