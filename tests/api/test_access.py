"""Who is let in: tokens, the tokens of runs, browsers, and programs of this machine."""

import asyncio
import os
import socket
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from support.answers import EVERY_ROUTE
from support.api import Answer, Api, problem, shell_job, with_api
from support.ledger import Ledger

from jeeves_runner.api import attempts, peer_owner
from jeeves_runner.api.callers import Role, RunMay
from jeeves_runner.api.guard import check_host
from jeeves_runner.api.route import Route
from jeeves_runner.clock import SystemClock
from jeeves_runner.config import load_config
from jeeves_runner.core.api_tokens import TokenRole, digest, parse_run_token, run_token
from jeeves_runner.core.durations import End
from jeeves_runner.core.model import RunStatus
from jeeves_runner.core.origin import Actor
from jeeves_runner.core.run import Outcome
from jeeves_runner.db import tokens
from jeeves_runner.db.carried_runs import AT_ONCE, begin_carry
from jeeves_runner.db.run_ends import RunRecord, end_running
from jeeves_runner.errors import ConfigError

ME: Final = Actor("cli", "me")
SECRET: Final = "s" * 43


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "runner.sqlite")
    made.add_job("greet", schedule=())
    yield made
    made.conn.close()


def token(ledger: Ledger, role: TokenRole, name: str = "ci", *, until: End | None = None) -> str:
    with ledger.tx() as tx:
        return tokens.create(tx, name, role, until=until, by=ME)


def bearing(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def running(ledger: Ledger, job_id: str = "greet") -> str:
    """The token of a run of a job."""
    run_id = ledger.add_run(job_id, "running", mark="m", token_digest=digest(SECRET))
    return run_token(run_id, SECRET)


# Tokens


def test_a_method_that_a_path_does_not_take_is_told_to_all_who_may_use_the_path(ledger: Ledger) -> None:
    reads = token(ledger, TokenRole.READ)
    wanted = (("PUT", "/status"), ("DELETE", "/healthz"), ("PUT", "/nudge"), ("PUT", "/nowhere"))

    async def scenario(api: Api) -> list[int]:
        return [(await api.ask(method, path, **bearing(reads))).status for method, path in wanted]

    assert with_api(ledger, scenario) == [405, 405, 403, 403]


def test_a_token_lets_in_by_its_role(ledger: Ledger) -> None:
    reads, operates = token(ledger, TokenRole.READ, "r"), token(ledger, TokenRole.OPERATE, "o")

    async def scenario(api: Api) -> list[int]:
        return [
            (await api.ask(method, path, **bearing(shown))).status
            for shown in (reads, operates)
            for method, path in (("GET", "/status"), ("POST", "/reconcile"))
        ]

    assert with_api(ledger, scenario) == [200, 403, 200, 202]


def test_the_refusal_of_a_role_says_which_it_takes(ledger: Ledger) -> None:
    reads = token(ledger, TokenRole.READ, "grafana")

    async def scenario(api: Api) -> Answer:
        return await api.post("/reconcile", **bearing(reads))

    answer = with_api(ledger, scenario)
    assert problem(answer) == (403, "the token grafana may read, and this takes the role operate")
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "header",
    ["Bearer ", "Bearer jr_wrong", "Basic abc", "jr_wrong", "", "bearer x", f"Bearer jrr_7_{SECRET}"],
)
def test_what_is_no_token_is_turned_away_also_on_this_machine(ledger: Ledger, header: str) -> None:
    async def scenario(api: Api) -> Answer:
        return await api.get("/status", Authorization=header)

    answer = with_api(ledger, scenario)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_a_token_counts_until_it_expires_or_is_revoked(ledger: Ledger) -> None:
    now = SystemClock().now()
    past = token(ledger, TokenRole.READ, "past", until=End(now - timedelta(seconds=1)))
    to_come = token(ledger, TokenRole.READ, "to-come", until=End(now + timedelta(days=2)))
    revoked = token(ledger, TokenRole.READ, "revoked")
    with ledger.tx() as tx:
        tokens.revoke(tx, "revoked", by=ME)

    async def scenario(api: Api) -> list[int]:
        return [(await api.get("/status", **bearing(shown))).status for shown in (past, to_come, revoked)]

    assert with_api(ledger, scenario) == [401, 200, 401]
    assert [row.expired for row in tokens.tokens(ledger.conn, now)] == [True, False]


@pytest.mark.parametrize(("method", "path"), [("GET", "/healthz"), ("POST", "/reconcile")])
def test_the_last_use_is_noted_to_the_minute(ledger: Ledger, method: str, path: str) -> None:
    """Also where the role of the token is not enough."""
    made = token(ledger, TokenRole.READ)

    async def scenario(api: Api) -> None:
        for _ in range(3):
            await api.ask(method, path, **bearing(made))

    assert tokens.tokens(ledger.conn, ledger.now)[0].last_used_at is None
    with_api(ledger, scenario)
    used = tokens.tokens(ledger.conn, ledger.now)[0].last_used_at
    assert used is not None
    assert used.endswith(":00.000Z")


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
def test_the_scheme_may_be_written_in_any_case(ledger: Ledger, scheme: str) -> None:
    made = token(ledger, TokenRole.READ)

    async def scenario(api: Api) -> int:
        return (await api.get("/status", Authorization=f"{scheme} {made}")).status

    assert with_api(ledger, scenario) == 200


def test_a_look_with_a_token_waits_for_no_lock(ledger: Ledger) -> None:
    made = token(ledger, TokenRole.READ)

    async def scenario(api: Api) -> list[int]:
        with ledger.tx() as tx:
            tx.conn.execute("UPDATE tokens SET name = name")
            async with asyncio.timeout(3):
                return [(await api.get("/queues", **bearing(made))).status for _ in range(3)]

    assert with_api(ledger, scenario) == [200] * 3
    assert tokens.tokens(ledger.conn, ledger.now)[0].last_used_at is not None


# Programs of this machine


def test_the_first_token_that_operates_ends_acting_without_one(ledger: Ledger) -> None:
    async def scenario(api: Api) -> list[int]:
        answers = [await api.post("/reconcile")]
        token(ledger, TokenRole.READ, "r")
        answers.append(await api.post("/reconcile"))
        expired = End(ledger.now - timedelta(days=1))
        token(ledger, TokenRole.OPERATE, "o", until=expired)
        answers += [await api.post("/reconcile"), await api.get("/status")]
        with ledger.tx() as tx:
            tokens.revoke(tx, "o", by=ME)
        answers.append(await api.post("/reconcile"))
        return [answer.status for answer in answers]

    assert with_api(ledger, scenario) == [202, 202, 401, 200, 202]


ASKS: Final = """
import os, socket, sys
user, port = map(int, sys.argv[1:])
wire = socket.create_connection(("127.0.0.1", port), timeout=30)
if user:
    wire.close()
    os.setuid(user)
    wire = socket.create_connection(("127.0.0.1", port), timeout=30)
wire.sendall(f"GET /status HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\n\\r\\n".encode())
print(wire.recv(4096).split()[1].decode())
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
@pytest.mark.parametrize(("user", "status"), [(0, 200), (65534, 401)])
def test_programs_of_other_users_are_not_of_this_machine(ledger: Ledger, user: int, status: int) -> None:
    async def scenario(api: Api) -> int:
        asks = await asyncio.create_subprocess_exec(
            sys.executable, "-c", ASKS, str(user), str(api.port), stdout=asyncio.subprocess.PIPE
        )
        return int((await asks.communicate())[0])

    assert with_api(ledger, scenario) == status


@pytest.mark.skipif(not peer_owner.can_be_known(), reason="this system does not tell it")
@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_the_owner_of_a_connection_is_known_while_it_is_open(family: int, host: str) -> None:
    with socket.socket(family) as listener:
        listener.bind((host, 0))
        listener.listen()
        own = listener.getsockname()[:2]
        with socket.create_connection(own) as client:
            peer = client.getsockname()[:2]
            assert peer_owner.owner(peer, own) == os.getuid()
            assert peer_owner._read(peer, own) == os.getuid()
        assert peer_owner.owner(peer, own) is None
        assert peer_owner._read(peer, own) is None


def test_beyond_this_machine_the_server_listens_only_with_a_token(ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "jeeves-runner.yaml"
    file.write_text("host: 0.0.0.0\n", "utf-8")
    config = load_config(tmp_path, file)
    with pytest.raises(ConfigError, match="takes a token, and there is none"):
        check_host(ledger.conn, config)
    token(ledger, TokenRole.READ)
    check_host(ledger.conn, config)
    check_host(ledger.conn, load_config(tmp_path, None)._replace(host="::1"))


# Runs


def may_use(route: Route) -> bool:
    return route.role is Role.OPEN or route.run_may is not RunMay.NOTHING


@pytest.mark.parametrize("route", EVERY_ROUTE, ids=lambda route: f"{route.method} {route.path}")
def test_the_token_of_a_run_reaches_what_its_route_says(ledger: Ledger, route: Route) -> None:
    values = {"run": "1", "job": "other", "item": "1", "revision": "1", "backfill": "1"}
    path = route.path
    for name in route.path_values._fields:
        path = path.replace(f"{{{name}}}", values.get(name, "x"))

    async def scenario(api: Api) -> Answer:
        return await api.ask(route.method, path, **bearing(running(ledger)))

    answer = with_api(ledger, scenario)
    let_in = route.run_may in (RunMay.ANYTHING, RunMay.OWN) or route.role is Role.OPEN
    assert (answer.status == 403) != let_in, answer.body


def test_a_run_reaches_its_own_routes_alone_and_only_while_it_runs(ledger: Ledger) -> None:
    async def scenario(api: Api) -> list[int]:
        shown = running(ledger)
        ledger.add_run("greet", "ok")
        found = [(await api.get(f"/runs/{run}", **bearing(shown))).status for run in (1, 2)]
        with ledger.tx() as tx:
            end_running(tx, 1, Outcome(RunStatus.OK), RunRecord(), None)
        return [*found, (await api.get("/runs/1", **bearing(shown))).status]

    assert with_api(ledger, scenario) == [200, 403, 401]


def test_a_run_triggers_the_jobs_that_its_manifest_names_and_is_their_cause(ledger: Ledger) -> None:
    ledger.add_job("boss", schedule=(), triggers=("greet",))
    shell_job(ledger, "greet", "true")
    shell_job(ledger, "other", "true")

    async def scenario(api: Api) -> list[Any]:
        shown = running(ledger, "boss")
        named = await api.post("/jobs/greet/run", **bearing(shown))
        other = await api.post("/jobs/other/run", **bearing(shown))
        return [named.status, named.body["result"]["caused_by"], named.body["result"]["depth"], other.status]

    assert with_api(ledger, scenario) == [200, {"runs": [1]}, 1, 403]
    acts = ledger.conn.execute("SELECT actor, action, target, answer FROM audit ORDER BY id").fetchall()
    assert acts == [("run 1", "run", "job greet", 200), ("run 1", "run", "job other", 403)]


def test_a_run_of_a_job_that_got_another_id_belongs_to_that(ledger: Ledger) -> None:
    ledger.add_job("boss", schedule=(), triggers=("greet",))
    shell_job(ledger, "greet", "true")
    ledger.add_job("old", schedule=())

    async def scenario(api: Api) -> int:
        shown = running(ledger, "old")
        for _ in range(2 * AT_ONCE + 1):
            ledger.add_run("old")
        with ledger.tx() as tx:
            begin_carry(tx, "old", "boss")
        assert ledger.conn.execute("SELECT job_id FROM runs WHERE id = 1").get == "old"
        return (await api.post("/jobs/greet/run", **bearing(shown))).status

    assert with_api(ledger, scenario) == 200


def test_the_script_of_a_run_has_a_token_that_counts(ledger: Ledger, tmp_path: Path) -> None:
    shell_job(ledger, "greet", f'echo "it is $JR_TOKEN"; echo "$JR_TOKEN" > {tmp_path}/shown')

    async def scenario(api: Api) -> tuple[str, int]:
        run = (await api.post("/jobs/greet/run")).body["result"]
        shown = (tmp_path / "shown").read_text().strip()
        return run["stdout"], (await api.get("/queues", **bearing(shown))).status

    stdout, status_after = with_api(ledger, scenario)
    assert stdout == "it is ***\n"
    assert status_after == 401
    kept = ledger.conn.execute("SELECT token_digest FROM runs").get
    shown = (tmp_path / "shown").read_text().strip()
    parts = parse_run_token(shown)
    assert parts is not None
    assert kept == digest(parts.secret)


# Wrong tokens, and the audit


def test_wrong_tokens_are_answered_later_each_time(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    delays: list[float] = []

    async def note(seconds: float) -> None:
        delays.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", note)
    slowed = attempts.Attempts(ledger.clock, 64)

    async def scenario() -> None:
        for _ in range(10):
            await slowed.slow("10.0.0.7")
        await slowed.slow("2001:db8::1")
        ledger.clock.advance(seconds=61)
        await slowed.slow("10.0.0.7")

    asyncio.run(scenario())
    assert delays == [0.25, 0.5, 1, 2, 4, 8, 8]


def test_a_right_token_is_not_slowed_by_wrong_ones(ledger: Ledger) -> None:
    made = token(ledger, TokenRole.READ)

    async def scenario(api: Api) -> int:
        for _ in range(3):
            await api.get("/status", **bearing("jr_wrong"))
        async with asyncio.timeout(30):
            wrong = asyncio.create_task(api.get("/status", **bearing("jr_wrong")))
            right = await api.get("/status", **bearing(made))
            assert not wrong.done()
            await wrong
        return right.status

    assert with_api(ledger, scenario) == 200


def test_what_operates_is_in_the_audit_and_who_is_refused_ten_times_a_minute(ledger: Ledger) -> None:
    reads, operates = token(ledger, TokenRole.READ, "r"), token(ledger, TokenRole.OPERATE, "o")
    with ledger.tx() as tx:
        tx.conn.execute("DELETE FROM audit")

    async def scenario(api: Api) -> None:
        await api.get("/jobs", **bearing(operates))
        await api.post("/jobs/greet/pause", {"reason": "holiday"}, **bearing(operates))
        await api.post("/jobs/none/pause", **bearing(operates))
        await api.post("/reconcile", **bearing(operates))
        await api.post("/nudge", **bearing(operates))
        for _ in range(12):
            await api.post("/jobs/greet/run", **bearing(reads))

    with_api(ledger, scenario)
    rows = ledger.conn.execute("SELECT actor, action, target, detail, origin, answer FROM audit ORDER BY id")
    refused = (
        "token r",
        "run",
        "job greet",
        "the token r may read, and this takes the role operate",
        "127.0.0.1",
        403,
    )
    assert rows.fetchall() == [
        ("token o", "pause", "job greet", "holiday", "127.0.0.1", 200),
        ("token o", "pause", "job none", None, "127.0.0.1", 404),
        ("token o", "reconcile", "/reconcile", None, "127.0.0.1", 202),
        *[refused] * 10,
    ]


def test_what_fails_by_a_fault_of_the_server_is_in_the_audit_too(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(api: Api) -> int:
        monkeypatch.setattr(api.sync, "apply_now", lambda: 1 / 0)
        return (await api.post("/reconcile")).status

    assert with_api(ledger, scenario) == 500
    assert ledger.conn.execute("SELECT action, answer FROM audit").fetchall() == [("reconcile", 500)]
