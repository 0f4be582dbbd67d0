"""A whole server whose jobs are sessions of an agent: stops, crashes, copies, deadlines."""

import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from support.gateway import WITHOUT_TIMEOUT, Double, Settings, double
from support.gateway.wire import wire_to
from support.server import Server, command, new_project, save, serving, until

JOB = "type: session\nprompt: '{task}'\ntimeout: 10m\noverlap_policy: allow\n"


def project(root: Path, far: Double, task: str, **keys: str) -> Path:
    """One with the job ``agent``, whose gateway is the double."""
    root.mkdir(exist_ok=True)
    (root / "token").write_text(far.token)
    (root / "token").chmod(0o600)
    new_project(root, f"port: 0\ngateway: {{url: '{far.url}', token_path: token}}\n")
    more = "".join(f"{name}: {value}\n" for name, value in keys.items())
    save(root, "agent.yaml", JOB.format(task=task).replace("timeout: 10m\n", "") + (more or "timeout: 10m\n"))
    return root


def begin(server: Server) -> int:
    """Trigger the job; the run's id."""
    until(lambda: server.job("agent"))
    status, answer = server.post("/jobs/agent/run?wait=0s")
    assert status == 202
    run_id: int = answer["run"]["id"]
    return run_id


@contextmanager
def left_running(root: Path, task: str) -> Iterator[tuple[Double, int]]:
    """A gateway with a session that goes on, of a run of the project at ``root`` whose server has stopped."""
    with double() as far:
        project(root, far, task)
        with serving(root) as server:
            run_id = begin(server)
            until(far.model_calls)
            assert server.stop() == 0
        yield far, run_id


def ended(server: Server, run_id: int) -> Any:
    """The run's row, once it has ended."""

    def look() -> Any:
        run = server.get(f"/runs/{run_id}")["run"]
        return run if run["status"] not in ("scheduled", "running") else None

    return until(look)


def until_said(server: Server, run_id: int, part: str) -> None:
    """Wait until the run says of itself what has this part."""
    until(lambda: part in (server.get(f"/runs/{run_id}")["run"]["message"] or ""))


def status_at(far: Double) -> str:
    """That of the only session, as the gateway lists it."""
    with wire_to(far.url, far.token, speed=1) as wire:
        (row,) = wire.rows(search="jr-agent-")
    return str(row["status"])


def labels(far: Double) -> Counter[str]:
    """How many sessions there are of each label."""
    return Counter({call["key"]: call["label"] for call in far.model_calls()}.values())


def test_a_session_is_recorded_with_its_text_tokens_and_model(tmp_path: Path) -> None:
    with double() as far, serving(project(tmp_path / "p", far, 'MODE:echo=JR_RESULT:{"mails":3}')) as server:
        run = ended(server, begin(server))
        assert (run["status"], run["tokens"], run["model"]) == ("ok", 1234, "fake/fake-1")
        assert run["result_meta"] == {"mails": 3}
        assert run["stdout"] == 'JR_RESULT:{"mails":3}'
        assert far.token not in json.dumps(run)
        assert far.token not in server.log.read_text()


def test_a_stop_leaves_the_session_and_the_next_start_takes_it_up(tmp_path: Path) -> None:
    root = tmp_path / "p"
    with left_running(root, "MODE:slow=4") as (far, run_id):
        with serving(root) as server:
            assert server.get(f"/runs/{run_id}")["run"]["status"] in ("running", "ok")
            assert ended(server, run_id)["status"] == "ok"
            assert "INFO    runs that may have gone on without a server" in server.log.read_text()
        assert len(far.model_calls()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_a_runner_that_is_killed_at_any_moment_begins_no_second_session(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    with double() as far:
        root = project(tmp_path / "p", far, "MODE:slow=1")
        with serving(root) as server:
            run_ids = [begin(server) for _ in range(3)]
            time.sleep(0.2 * random.random())  # the moment is what is tried
            server.kill()
        with serving(root) as server:
            found = [ended(server, run_id) for run_id in run_ids]
        assert all(run["status"] in ("ok", "interrupted") for run in found)
        assert set(labels(far).values()) <= {1}
        assert len(labels(far)) <= 3
        assert sum(run["status"] == "ok" for run in found) <= len(labels(far))


def test_a_copy_of_a_database_leaves_the_sessions_of_the_original_alone(tmp_path: Path) -> None:
    root, original = tmp_path / "p", tmp_path / "original"
    with left_running(root, "MODE:slow=6") as (far, run_id):
        root.rename(original)
        shutil.copytree(original, root)
        with serving(root) as server:
            run = ended(server, run_id)
            assert run["status"] == "interrupted"
            assert f"another file at {root}/data/runner.sqlite, whose work is left alone" in run["message"]
        shutil.rmtree(root)
        original.rename(root)
        with serving(root) as server:
            assert len(far.model_calls()) == 1
            assert server.get(f"/runs/{run_id}")["run"]["status"] in ("running", "ok")
            assert ended(server, run_id)["status"] == "ok"


def rename(root: Path) -> None:
    """Give the job another id."""
    text = (root / "jobs.d/agent.yaml").read_text()
    (root / "jobs.d/agent.yaml").unlink()
    save(root, "helper.yaml", f"renamed_from: agent\n{text}")


def test_a_session_is_taken_up_under_another_id_of_its_job(tmp_path: Path) -> None:
    root = tmp_path / "p"
    with left_running(root, "MODE:slow=4") as (far, run_id):
        rename(root)
        assert command(root, "apply").returncode == 0
        with serving(root) as server:
            run = ended(server, run_id)
        assert (run["status"], run["job_id"], run["tokens"]) == ("ok", "helper", 1234)
        assert len(far.model_calls()) == 1


def test_a_session_goes_on_while_its_job_gets_another_id_and_over_a_kill(tmp_path: Path) -> None:
    with double() as far:
        root = project(tmp_path / "p", far, "MODE:slow=6")
        with serving(root) as server:
            run_id = begin(server)
            until(far.model_calls)
            rename(root)
            until(lambda: server.job("helper"))
            assert server.get(f"/runs/{run_id}")["run"]["status"] == "running"
            server.kill()
        with serving(root) as server:
            run = ended(server, run_id)
            assert (run["status"], run["job_id"], run["tokens"]) == ("ok", "helper", 1234)
        assert len(far.model_calls()) == 1


def test_a_deadline_ends_the_session_at_the_gateway(tmp_path: Path) -> None:
    with double() as far, serving(project(tmp_path / "p", far, "MODE:hang", timeout="1s")) as server:
        run = ended(server, begin(server))
        assert run["status"] == "timeout"
        assert status_at(far) == "timeout"


def test_what_a_gateway_cannot_cancel_is_cancelled_here_and_its_tokens_come_late(tmp_path: Path) -> None:
    with double(Settings(version=WITHOUT_TIMEOUT)) as far:
        root = project(tmp_path / "p", far, "MODE:slow=3")
        with serving(root) as server:
            run_id = begin(server)
            until(far.model_calls)
            assert server.post(f"/runs/{run_id}/cancel")[0] == 202
            run = ended(server, run_id)
            assert run["status"] == "cancelled"
            assert "this gateway has no way to cancel a session" in run["message"]
            late = until(lambda: server.get(f"/runs/{run_id}")["run"]["late"])
            assert (late["status"], late["tokens"]) == ("ok", 1234)


def test_a_run_that_waits_for_the_gateway_says_so_and_can_be_cancelled(tmp_path: Path) -> None:
    with double() as far:
        root = project(tmp_path / "p", far, "MODE:ok")
        far.kill()
        with serving(root) as server:
            run_id = begin(server)
            until_said(server, run_id, "waits for the gateway")
            server.post(f"/runs/{run_id}/cancel")
            assert ended(server, run_id)["status"] == "cancelled"
            assert "WARNING the gateway: the gateway cannot be reached" in server.log.read_text()
        far.start()


@pytest.mark.slow
def test_a_run_that_waits_for_the_gateway_is_begun_by_the_next_runner(tmp_path: Path) -> None:
    """Also where that one cannot ask the gateway, when it starts, whether there is a session."""
    with double() as far:
        root = project(tmp_path / "p", far, "MODE:ok")
        far.kill()
        with serving(root) as server:
            run_id = begin(server)
            until_said(server, run_id, "waits for the gateway")
            server.stop()
        with serving(root) as server:
            until_said(server, run_id, "cannot be reached")
            far.start()
            assert ended(server, run_id)["status"] == "ok"
            assert len(far.model_calls()) == 1


def test_a_session_that_no_server_follows_is_no_lost_one_and_can_be_cancelled(tmp_path: Path) -> None:
    root = tmp_path / "p"
    with left_running(root, "MODE:hang") as (far, run_id):
        assert "no server follows it, and it may go on" in command(root, "status").stdout
        answer = command(root, "cancel", str(run_id))
        why = "was followed by no server; it is ended, and recorded as cancelled"
        assert answer.stdout == f"Run {run_id} {why}.\n"
        (row,) = json.loads(command(root, "runs", "--json").stdout)["runs"]
        assert (row["status"], row["message"]) == ("cancelled", "cancelled on request")
        assert row["cancel_cause"] == "cancel"
        assert status_at(far) == "killed"


def test_a_cancel_while_the_gateway_is_away_says_so_in_lines_for_people(tmp_path: Path) -> None:
    root = tmp_path / "p"
    with left_running(root, "MODE:hang") as (far, run_id):
        far.kill()
        answer = command(root, "cancel", str(run_id))
        told = "warning: sessions cannot be looked at: the gateway cannot be reached: Connection refused\n"
        assert answer.stderr == told
        assert answer.stdout.startswith(f"Run {run_id} is recorded as cancelled; ")


def test_without_a_gateway_in_the_config_a_run_says_what_to_add(tmp_path: Path) -> None:
    root = tmp_path / "p"
    with left_running(root, "MODE:hang") as (_, left):
        (root / "jeeves-runner.yaml").write_text("port: 0\n")
        with serving(root) as server:
            until(lambda: server.job("agent"))
            run = server.post("/jobs/agent/run")[1]["result"]
            lost = ended(server, left)
        missing = "the config that was read has no `gateway`"
        assert (run["status"], run["message"]) == ("error", f"{missing}; add it, and restart the server")
        assert lost["status"] == "interrupted"
        assert missing in lost["message"]
        assert "its work may go on" in lost["message"]
