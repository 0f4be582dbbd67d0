"""Two hundred sessions of agents in flight: what they cost the runner, how soon their ends are recorded.

The gateway is the double of the tests, as a process of its own; the runner is this process.
"""

import asyncio
import json
import math
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
from support.gateway import Double, Settings, double_process

from benchmarks.measure import Row
from benchmarks.run_overhead import running

SESSIONS = 200
JOBS = 40
"""A parent has five children at most, and each job is a parent."""
CPU_SHARE = 0.03
"""Of one core, at most."""
LATENCY = 2.0
"""Seconds from a session's end to its record, for 95 of 100 in their first minute."""


def main(seconds: float) -> list[Row]:
    """Each session lasts ``seconds`` to twice that."""
    settings = Settings(lane=SESSIONS)
    with tempfile.TemporaryDirectory() as folder, double_process(settings) as far:
        return asyncio.run(_measure(Path(folder), far, seconds))


async def _measure(root: Path, far: Double, seconds: float) -> list[Row]:
    _project(root, far, seconds)
    async with running(root) as runner, aiohttp.ClientSession(runner.url) as http:
        per_job = SESSIONS // JOBS
        await asyncio.gather(*(_trigger(http, job) for job in range(JOBS) for _ in range(per_job)))
        while len(far.model_calls()) < SESSIONS:
            await asyncio.sleep(0.1)
        far.forget()
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.sleep(seconds / 2)
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        lists = far.counts()["sessions_list"]
        while (left := await _left(http)) > 0:
            await asyncio.sleep(min(1.0, left / 10))
        late = await _lateness(http, far)
    pages = math.ceil(SESSIONS / 50)
    p95 = late[math.ceil(0.95 * len(late)) - 1]
    return [
        Row(
            what=f"{SESSIONS} in flight: share of one core",
            value=f"{100 * cpu / wall:.2f} %",
            met=cpu / wall < CPU_SHARE,
        ),
        Row(
            what=f"list requests a second ({pages} pages of 64 KiB at most hold them)",
            value=f"{lists / wall:.1f}",
            met=lists / wall <= pages * 1.25,
        ),
        Row(what="from an end to its record: median", value=f"{statistics.median(late):.2f} s"),
        Row(what="the same, 95 of 100", value=f"{p95:.2f} s", met=p95 < LATENCY),
    ]


def _project(root: Path, far: Double, seconds: float) -> None:
    random = Random(1)
    (root / "jobs.d").mkdir()
    (root / "token").write_text(far.token)
    (root / "token").chmod(0o600)
    gateway = {"url": far.url, "token_path": "token", "max_sessions": SESSIONS}
    (root / "jeeves-runner.yaml").write_text(json.dumps({"port": 0, "gateway": gateway}))
    jobs = [
        {
            "id": f"agent{number}",
            "type": "session",
            "prompt": f"MODE:slow={seconds * (1 + random.random()):.2f}",
            "timeout": "10m",
            "overlap_policy": "allow",
        }
        for number in range(JOBS)
    ]
    (root / "jobs.d" / "agents.yaml").write_text(json.dumps({"jobs": jobs}))


async def _trigger(http: aiohttp.ClientSession, job: int) -> None:
    async with http.post(f"/jobs/agent{job}/run?wait=0s") as answer:
        assert answer.status == 202, await answer.text()


async def _left(http: aiohttp.ClientSession) -> int:
    async with http.get("/status") as answer:
        health = (await answer.json())["health"]
        return int(health["running"] + health["waiting"])


async def _lateness(http: aiohttp.ClientSession, far: Double) -> list[float]:
    """Seconds from the end of each session to the end of its run, in order."""
    recorded = await _recorded(http)
    late: list[float] = []
    for row in await _rows(far):
        run_id = int(row["label"].rsplit("-", 2)[1])
        late.append(recorded[run_id] - row["updatedAt"] / 1000)
    assert len(late) == SESSIONS
    return sorted(late)


async def _recorded(http: aiohttp.ClientSession) -> dict[int, float]:
    """When the end of each run was recorded, by its id."""
    recorded: dict[int, float] = {}
    before = ""
    while True:
        async with http.get(f"/runs?limit=100{before}") as answer:
            document = await answer.json()
        for run in document["runs"]:
            assert run["status"] == "ok", run
            recorded[run["id"]] = datetime.fromisoformat(run["finished_at"]).timestamp()
        if (following := document.get("next_before")) is None:
            return recorded
        before = f"&before={following}"


async def _rows(far: Double) -> list[dict[str, Any]]:
    """Of all sessions, as the double lists them."""
    rows: list[dict[str, Any]] = []
    offset: int | None = 0
    headers = {"Authorization": f"Bearer {far.token}"}
    async with aiohttp.ClientSession(far.url, headers=headers) as http:
        while offset is not None:
            args = {"limit": 200, "offset": offset}
            async with http.post("/tools/invoke", json={"tool": "sessions_list", "args": args}) as answer:
                details = (await answer.json())["result"]["details"]
            rows += details["sessions"]
            offset = details.get("nextOffset")
    return rows
