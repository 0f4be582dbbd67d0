"""Runs that are carried out elsewhere: what starts there claims its run with a start token, once."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from support.api import Answer, Api, problem, with_api
from support.engine import ClaimingExecutor, engine
from support.ledger import Ledger
from support.runs import until_there

from jeeves_runner.core.api_tokens import TokenRole
from jeeves_runner.core.model import Param, Secret, SourceType
from jeeves_runner.core.origin import Actor
from jeeves_runner.db import tokens

PASSWORD = "correct-horse-battery"
KEY = "a-key-out-of-a-file"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "runner.sqlite")
    yield made
    made.conn.close()


@pytest.fixture
def socket() -> Iterator[Path]:
    """Where an engine answers: the folders of pytest may be too deep for a socket."""
    with TemporaryDirectory() as folder, engine(Path(folder, "socket")):
        yield Path(folder, "socket")


def remote_job(ledger: Ledger, script: str, **fields: Any) -> None:
    ledger.add_job("train", source_type=SourceType.INLINE, script=script, **fields)


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def until(what: Callable[[], object]) -> None:
    """Wait for what other processes bring about."""
    async with asyncio.timeout(45):
        while not what():  # noqa: ASYNC110 - a row or a file is all there is to see
            await asyncio.sleep(0.01)


async def started(api: Api, executor: ClaimingExecutor, **headers: str) -> str:
    """The start token of a run that was handed to the engine, and whose claimant waits."""
    answer = await api.post("/jobs/train/run?wait=0s", **headers)
    assert answer.status == 202
    handle = "SELECT handle ->> 'work' FROM runs"
    await until(lambda: executor.shown and api.ledger.conn.execute(handle).get is not None)
    return executor.shown[-1]


def held(tmp_path: Path, socket: Path) -> ClaimingExecutor:
    """An executor whose claimant waits for the file ``go``."""
    return ClaimingExecutor(socket, until_there(tmp_path / "go"))


def test_what_claims_its_run_gets_its_work_its_secrets_and_a_token(
    ledger: Ledger, tmp_path: Path, socket: Path
) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    remote_job(
        ledger,
        f'echo "$PLAIN $KEY $JR_PARAM_PASSWORD $JR_PARAM_SIZE"; echo "$JR_TOKEN" > {tmp_path}/token;'
        f" touch {tmp_path}/told;"
        f" {until_there(tmp_path / 'seen')}",
        env=(("PLAIN", "as it is"), ("KEY", Secret("file", "key"))),
        params=(Param(name="password", secret=True), Param(name="size", default="3")),
    )

    async def scenario(api: Api) -> list[Any]:
        running = asyncio.create_task(api.post("/jobs/train/run", {"params": {"password": PASSWORD}}))
        await until((tmp_path / "told").exists)
        token = (tmp_path / "token").read_text().strip()
        of_run = [(await api.get(f"/runs/{number}", **bearing(token))).status for number in (1, 2)]
        (tmp_path / "seen").touch()
        result = (await running).body["result"]
        return [result["status"], result["stdout"], of_run]

    executor = ClaimingExecutor(socket)
    assert with_api(ledger, scenario, executor=executor) == ["ok", "as it is *** *** 3\n", [200, 403]]
    kept = str(ledger.conn.execute("SELECT * FROM runs").fetchall())
    assert executor.shown[0].rpartition("_")[2] not in kept
    assert KEY not in kept
    acts = ledger.conn.execute("SELECT actor, target, answer FROM audit WHERE action = 'claim'").fetchall()
    assert acts == [("run 1", "run 1", 200)]


def test_a_start_token_counts_once(ledger: Ledger, tmp_path: Path, socket: Path) -> None:
    remote_job(ledger, "true")
    executor = held(tmp_path, socket)

    async def scenario(api: Api) -> list[Any]:
        shown = await started(api, executor)
        answers = await asyncio.gather(*(api.post("/runs/1/claim", **bearing(shown)) for _ in range(5)))
        (tmp_path / "go").touch()
        ended = (await api.get("/runs/1?wait=30s")).body["run"]
        answers.append(await api.post("/runs/1/claim", **bearing(shown)))
        return [sorted(answer.status for answer in answers), ended["status"], ended["message"]]

    assert with_api(ledger, scenario, executor=executor) == [
        [200, 409, 409, 409, 409, 409],
        "error",
        "code 75",
    ]


def test_only_its_own_start_token_claims_a_run(ledger: Ledger, tmp_path: Path, socket: Path) -> None:
    remote_job(ledger, "true")
    executor = held(tmp_path, socket)
    with ledger.tx() as tx:
        operates = tokens.create(tx, "o", TokenRole.OPERATE, until=None, by=Actor("cli"))

    async def scenario(api: Api) -> list[int]:
        shown = await started(api, executor, **bearing(operates))
        wrong = shown[:-1] + ("a" if shown[-1] != "a" else "b")
        claimed = await api.post("/runs/1/claim", **bearing(shown))
        own = claimed.body["claim"]["env"]["JR_TOKEN"]
        answers: list[Answer] = [
            await api.post("/runs/1/claim", **bearing(wrong)),
            await api.post("/runs/2/claim", **bearing(shown)),
            await api.post("/runs/1/claim", **bearing(own)),
            await api.post("/runs/1/claim", **bearing(operates)),
            await api.post("/runs/1/claim"),
            await api.get("/runs/1", **bearing(shown)),
            await api.get("/state/train", **bearing(shown)),
            await api.get("/runs/1", **bearing(own)),
        ]
        await api.post("/runs/1/cancel", **bearing(operates))
        return [claimed.status, *(answer.status for answer in answers)]

    found = with_api(ledger, scenario, executor=executor)
    assert found == [200, 401, 403, 403, 401, 401, 403, 403, 200]


def test_a_run_whose_end_was_asked_for_is_not_begun(ledger: Ledger, tmp_path: Path, socket: Path) -> None:
    remote_job(ledger, "true")
    executor = held(tmp_path, socket)

    async def scenario(api: Api) -> tuple[int, str]:
        shown = await started(api, executor)
        await api.post("/runs/1/cancel")
        return problem(await api.post("/runs/1/claim", **bearing(shown)))

    status, detail = with_api(ledger, scenario, executor=executor)
    assert status == 409
    assert detail.startswith("run 1 is not ")


def test_a_secret_that_cannot_be_had_leaves_the_token_as_it_was(
    ledger: Ledger, tmp_path: Path, socket: Path
) -> None:
    remote_job(ledger, "true", env=(("KEY", Secret("file", "key")),))
    executor = held(tmp_path, socket)

    async def scenario(api: Api) -> list[Any]:
        shown = await started(api, executor)
        first = await api.post("/runs/1/claim", **bearing(shown))
        (tmp_path / "key").write_text(KEY)
        second = await api.post("/runs/1/claim", **bearing(shown))
        await api.post("/runs/1/cancel")
        return [first.status, second.status, second.body["claim"]["env"]["KEY"]]

    assert with_api(ledger, scenario, executor=executor) == [409, 200, KEY]


def test_the_next_runner_knows_the_start_token_and_gives_a_token_that_counts_with_it(
    ledger: Ledger, tmp_path: Path, socket: Path
) -> None:
    remote_job(ledger, "true")
    executor = held(tmp_path, socket)

    async def first(api: Api) -> str:
        return await started(api, executor)

    shown = with_api(ledger, first, executor=executor)

    async def second(api: Api) -> list[Any]:
        claimed = await api.post("/runs/1/claim", **bearing(shown))
        own = claimed.body["claim"]["env"]["JR_TOKEN"]
        seen = await api.get("/runs/1", **bearing(own))
        await api.post("/runs/1/cancel")
        return [claimed.status, seen.status]

    assert with_api(ledger, second, executor=held(tmp_path, socket)) == [200, 200]


def test_a_job_that_has_changed_meanwhile_is_not_begun_by_the_next_runner(
    ledger: Ledger, tmp_path: Path, socket: Path
) -> None:
    remote_job(ledger, "true")
    executor = held(tmp_path, socket)

    async def first(api: Api) -> str:
        return await started(api, executor)

    shown = with_api(ledger, first, executor=executor)
    remote_job(ledger, "echo something else")

    async def second(api: Api) -> tuple[int, str]:
        told = problem(await api.post("/runs/1/claim", **bearing(shown)))
        await api.post("/runs/1/cancel")
        return told

    found = with_api(ledger, second, executor=held(tmp_path, socket))
    assert found == (409, "the job has changed since this run was begun")


def test_another_start_token_takes_the_place_of_the_one_before(
    ledger: Ledger, tmp_path: Path, socket: Path
) -> None:
    remote_job(ledger, "true")

    class Twice(ClaimingExecutor):
        async def start(self, order: Any, sink: Any) -> Any:
            self.shown.append(await order.run.start_token())
            return await super().start(order, sink)

    executor = Twice(socket, until_there(tmp_path / "go"))

    async def scenario(api: Api) -> list[int]:
        await started(api, executor)
        answers = [await api.post("/runs/1/claim", **bearing(shown)) for shown in executor.shown]
        await api.post("/runs/1/cancel")
        return [answer.status for answer in answers]

    assert with_api(ledger, scenario, executor=executor) == [401, 200]
