"""How much the double of the gateway bears: a load of sessions that nears these figures measures the double.

``python -m benchmarks.gateway`` measures it as a process of its own. What sessions do stands in their tasks:
``MODE:slow=3`` takes three seconds. All words stand in ``tests/support/gateway/script.py``.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from support.gateway import Double, Settings, double_process

from benchmarks.measure import Row, print_table

IN_FLIGHT = 200


def main(requests: int = 1000) -> list[Row]:
    """Requests of each kind in a second, twenty at a time, while 200 sessions are in flight."""
    with double_process(Settings(lane=10_000)) as double:
        return asyncio.run(_measure(double, requests))


async def _measure(double: Double, requests: int) -> list[Row]:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {double.token}"}) as session:

        async def invoke(tool: str, parent: int = 0, **args: object) -> Any:
            body = {"tool": tool, "args": args, "sessionKey": f"agent:main:runner-{parent}"}
            async with session.post(f"{double.url}/tools/invoke", json=body) as answer:
                details = (await answer.json())["result"]["details"]
                assert details.get("status") not in ("error", "forbidden"), details
                return details

        keys = []
        for number in range(IN_FLIGHT):
            begun = await invoke("sessions_spawn", number // 4, task="MODE:hang", label=f"jr-held-{number}")
            keys.append(begun["childSessionKey"])

        def spawn(number: int) -> Awaitable[Any]:
            return invoke("sessions_spawn", 1000 + number, task="MODE:ok", label=f"jr-new-{number}")

        def look(number: int) -> Awaitable[Any]:
            return invoke("sessions_list", search=f"jr-held-{number % IN_FLIGHT}", limit=200)

        def page(number: int) -> Awaitable[Any]:
            return invoke("sessions_list", search="jr-held-", limit=200)

        def history(number: int) -> Awaitable[Any]:
            return invoke("sessions_history", sessionKey=keys[number % IN_FLIGHT])

        return [
            await _rate("spawn", double, requests, spawn),
            await _rate("look at one session", double, requests, look),
            await _rate("a page of 64 KiB", double, requests // 10, page),
            await _rate("history", double, requests, history),
        ]


def _cpu(double: Double) -> float:
    """Seconds of processor time that it has had."""
    fields = Path(f"/proc/{double.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _rate(what: str, double: Double, requests: int, ask: Callable[[int], Awaitable[Any]]) -> Row:
    numbers = iter(range(requests))

    async def caller() -> None:
        for number in numbers:
            await ask(number)

    began, cpu = time.perf_counter(), _cpu(double)
    await asyncio.gather(*(caller() for _ in range(20)))
    rate = requests / (time.perf_counter() - began)
    each = (_cpu(double) - cpu) / requests * 1000
    return Row(what=f"{what} ({each:.2f} ms of the double's processor)", value=f"{rate:.0f}/s")


if __name__ == "__main__":
    print_table("the double of the gateway, 200 sessions in flight", main())
