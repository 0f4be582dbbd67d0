"""A thousand failures at once while Slack is down: what their alerts cost the runs, and that all is said.

The same jobs run without a channel, in turns. Slack is the double of the tests.
"""

import asyncio
import json
import re
import resource
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
from support.slack import TOKEN, Slack, slack_double

from benchmarks.burst import LEAD
from benchmarks.measure import Row
from benchmarks.run_overhead import running
from jeeves_runner.clock import from_text

FAILURES = 1_000
SLOWER = 1.05
"""By how much runs may be slower whose failures are told."""
MESSAGES = 11
"""What a minute's flood comes to."""


def main(rounds: int) -> list[Row]:
    ratios, with_alerts, without = [], [], []
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as folder, slack_double() as slack:
            slack.down()
            first, second = Path(folder) / "told", Path(folder) / "untold"
            pair = [(first, slack), (second, None)]
            found = {
                root.name: asyncio.run(_burst(root, far))
                for root, far in (pair if number % 2 else pair[::-1])
            }
        with_alerts.append(found["told"])
        without.append(found["untold"])
        ratios.append(found["told"] / found["untold"])
    ratio = statistics.median(ratios)
    seconds, messages, named = asyncio.run(_said_again())
    return [
        Row(
            what=f"{FAILURES:,} failures at once, Slack down: until the last is recorded",
            value=f"{statistics.median(with_alerts):.2f} s",
            floor=f"{statistics.median(without):.2f} s",
            ratio=ratio,
            target=SLOWER,
            met=ratio <= SLOWER,
        ),
        Row(
            what="Slack is back: messages by which all of them are named",
            value=str(messages),
            met=messages <= 2 * MESSAGES and named == FAILURES,
        ),
        Row(what="the same: until the last has arrived", value=f"{seconds:.0f} s"),
        Row(
            what="memory of the process at its most",
            value=f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB",
        ),
    ]


async def _burst(root: Path, slack: Slack | None) -> float:
    """Seconds from the instant at which all are due until the last end is recorded."""
    at = _project(root, slack)
    async with running(root) as runner, aiohttp.ClientSession(runner.url) as http:
        return await _last_end(http) - at.timestamp()


def _project(root: Path, slack: Slack | None) -> datetime:
    """Jobs that fail, all due at one instant."""
    root.mkdir()
    (root / "token").write_text(TOKEN)
    (root / "token").chmod(0o600)
    config: dict[str, object] = {"port": 0, "max_concurrency": 16}
    if slack is not None:
        config["notifications"] = {
            "slack": {"token_path": "token", "base_url": slack.url.rstrip("/")},
            "default_on_failure": "C0000001",
        }
    (root / "jeeves-runner.yaml").write_text(json.dumps(config))
    (root / "fail.sh").write_text("#!/bin/sh\necho 'no space left' >&2\nexit 3\n")
    (root / "fail.sh").chmod(0o755)
    (root / "jobs.d").mkdir()
    at = (datetime.now(UTC) + LEAD + timedelta(milliseconds=FAILURES)).replace(microsecond=0)
    schedule = f"{at:%-S %-M %-H %-d %-m *}"
    jobs = [{"id": f"job-{n}", "script": "fail.sh", "schedule": schedule} for n in range(FAILURES)]
    text = json.dumps({"defaults": {"timeout": "5m"}, "jobs": jobs})
    (root / "jobs.d" / "burst.yaml").write_text(text)
    return at


async def _last_end(http: aiohttp.ClientSession) -> float:
    async with asyncio.timeout(120):
        while True:
            async with http.get("/status") as answer:
                if (await answer.json())["health"]["errors_last_hour"] >= FAILURES:
                    break
            await asyncio.sleep(0.2)
    async with http.get("/runs?limit=50") as answer:
        return max(from_text(run["finished_at"]).timestamp() for run in (await answer.json())["runs"])


async def _said_again() -> tuple[float, int, int]:
    """``(seconds, messages, jobs named)`` once Slack is back after the failures."""
    with tempfile.TemporaryDirectory() as folder, slack_double() as slack:
        slack.down()
        root = Path(folder) / "told"
        _project(root, slack)
        async with running(root) as runner, aiohttp.ClientSession(runner.url) as http:
            await _last_end(http)
            slack.up()
            began = time.perf_counter()
            while len(named := _named(slack)) < FAILURES and time.perf_counter() - began < 300:
                await asyncio.sleep(0.2)
            posted = [message for message in slack.messages if message["text"]]
            return time.perf_counter() - began, len(posted), len(named)


def _named(slack: Slack) -> set[str]:
    """The jobs that are named in what has arrived; a line that was cut counts for nothing."""
    texts = [text for message in slack.messages for text in (message["text"], slack.shown(message))]
    texts += [file["content"] for file in slack.files]
    return {name for text in texts for name in re.findall(r"(job-\d+) failed", text)}
