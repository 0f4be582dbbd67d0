"""Alerts of a whole server: a failure reaches Slack once, whatever is killed in between."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from socket import gethostname

import pytest
from support.receiver import receiver
from support.server import HOLD, command, database, new_project, save, serving, started_pid, until
from support.slack import TOKEN, Fault, Slack, slack_double

from jeeves_runner.db.connection import connect

ENDS_SOON = "timeout: 10m\nkill_grace: 1s\n"
FAILS = "run: |\n  echo 'no space left' >&2\n  [ -e ok ] || exit 3\ntimeout: 10s\n"


@pytest.fixture
def slack() -> Iterator[Slack]:
    with slack_double() as double:
        yield double


def project(root: Path, slack: Slack) -> Path:
    token = root / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    config = (
        "port: 0\nnotifications:\n  default_on_failure: C0000001\n"
        f"  slack: {{token_path: token, base_url: '{slack.url.rstrip('/')}'}}\n"
    )
    new_project(root, config)
    save(root, "a.yaml", FAILS)
    return root


def test_a_failure_is_told_and_its_end_below_it(tmp_path: Path, slack: Slack) -> None:
    with serving(project(tmp_path, slack)) as server:
        server.post("/jobs/a/run")
        until(lambda: slack.messages)
        server.post("/jobs/a/run")
        (tmp_path / "ok").touch()
        server.post("/jobs/a/run")
        until(lambda: len(slack.messages) == 2)
    opened, over = slack.messages
    assert opened["text"].startswith("\N{LARGE RED CIRCLE} a failed: exit code 3 after ")
    assert "no space left" in slack.shown(opened)
    assert over["thread_ts"] == opened["ts"]
    assert over["text"].startswith("\N{LARGE GREEN CIRCLE} a is ok again after ")


def test_the_end_of_what_was_wrong_is_told_below_it_under_another_id(tmp_path: Path, slack: Slack) -> None:
    with serving(project(tmp_path, slack)) as server:
        server.post("/jobs/a/run")
        until(lambda: slack.messages)
        (tmp_path / "jobs.d/a.yaml").unlink()
        save(tmp_path, "b.yaml", f"renamed_from: a\n{FAILS}")
        until(lambda: server.job("b"))
        (tmp_path / "ok").touch()
        server.post("/jobs/b/run")
        until(lambda: len(slack.messages) == 2)
        (incident,) = server.get("/alerts?all=1")["incidents"]
    opened, over = slack.messages
    assert over["thread_ts"] == opened["ts"]
    assert over["text"].startswith("\N{LARGE GREEN CIRCLE} b is ok again after ")
    assert (incident["job_id"], incident["closed_by"]) == ("b", "recovered")


@pytest.mark.parametrize("acted", [False, True], ids=["before it arrived", "after it arrived"])
def test_a_kill_while_a_message_is_sent_neither_loses_nor_repeats_it(
    tmp_path: Path, slack: Slack, acted: bool
) -> None:
    slack.switch_on(Fault(on="chat.postMessage", kind="hang", acted=acted))
    with serving(project(tmp_path, slack)) as server:
        server.post("/jobs/a/run")
        until(lambda: slack.calls["chat.postMessage"])
        if acted:
            until(lambda: slack.messages)
        server.kill()
    slack.switch_off()
    with serving(tmp_path):
        until(lambda: slack.calls["conversations.history"])
        until(lambda: slack.messages)
    assert len(slack.messages) == 1


def test_what_cannot_be_sent_waits_over_a_stop_in_the_middle_of_a_backoff(
    tmp_path: Path, slack: Slack
) -> None:
    slack.down()
    with serving(project(tmp_path, slack)) as server:
        server.post("/jobs/a/run")
        until(lambda: "cannot be reached" in server.log.read_text())
        server.stop()
    slack.up()
    with serving(tmp_path):
        until(lambda: slack.messages)
    assert len(slack.messages) == 1
    assert TOKEN not in (tmp_path / "serve.log").read_text()


def test_a_run_that_does_not_start_in_time_is_told_and_that_one_does_again_below_it(
    tmp_path: Path, slack: Slack
) -> None:
    project(tmp_path, slack)
    with (tmp_path / "jeeves-runner.yaml").open("a") as config:
        config.write("max_concurrency: 1\n")
    save(tmp_path, "a.yaml", "run: 'while [ ! -e ok ]; do sleep 0.05; done'\ntimeout: 5m\n")
    with serving(tmp_path) as server:
        command(tmp_path, "trigger", "a")
        until(lambda: server.job("a")["status"] == "running")
        late = "run: 'true'\ntimeout: 10s\nschedule: '* * * * * *'\nexpect: {start_within: 1s}\n"
        save(tmp_path, "late.yaml", f"{late}catch_up: none\n")
        until(lambda: slack.messages)
        (tmp_path / "ok").touch()
        until(lambda: len(slack.messages) == 2)
    opened, over = slack.messages
    assert opened["text"].startswith("\N{LARGE RED CIRCLE} late has not started ")
    assert "(expected within 1.0s)" in opened["text"]
    assert "a free slot" in slack.shown(opened)
    assert over["thread_ts"] == opened["ts"]
    assert over["text"].startswith("\N{LARGE GREEN CIRCLE} late has started in time again after ")
    assert "a free slot" not in slack.shown(over)


def test_an_item_that_has_failed_for_good_is_told_with_its_error(tmp_path: Path, slack: Slack) -> None:
    with serving(project(tmp_path, slack)):
        for error in ("no such mailbox", "not told for an hour"):
            command(tmp_path, "queue", "push", "mail", '{"to": "ada"}', "--max-attempts", "1")
            (item,) = json.loads(command(tmp_path, "queue", "claim", "mail", "--json").stdout)["items"]
            command(tmp_path, "queue", "fail", str(item["id"]), item["lease_token"], error)
            until(lambda: slack.messages)
    (message,) = slack.messages
    assert message["text"].splitlines() == [
        f"\N{LARGE RED CIRCLE} queue mail on {gethostname()}: 1 item has failed for good",
        "Last error: no such mailbox",
        f"Runner: {gethostname()}:{tmp_path}",
        "jeeves-runner queue peek mail --failed",
    ]


def test_a_message_on_trial_goes_by_the_server(tmp_path: Path, slack: Slack) -> None:
    with serving(project(tmp_path, slack)):
        tried = command(tmp_path, "alerts", "test", "C0000001")
        assert (tried.returncode, tried.stdout) == (0, "A message was sent to C0000001.\n")
        refused = command(tmp_path, "alerts", "test", "C0000003")
        assert refused.returncode == 1
        assert refused.stdout.startswith("C0000003 does not take it: Slack answers not_in_channel; invite")
        checked = command(tmp_path, "status", "--check")
        assert (checked.returncode, "1 message could not be sent" in checked.stdout) == (1, True)
        slack.channels["C0000003"] = True
        assert command(tmp_path, "alerts", "test", "C0000003").returncode == 0
        assert command(tmp_path, "status", "--check").returncode == 0
    assert "This is a test" in slack.texts("C0000001")[0]


@pytest.mark.parametrize("how", ["invited", "another channel"])
def test_an_opening_that_was_refused_is_told_as_one_once_that_is_corrected(
    tmp_path: Path, slack: Slack, how: str
) -> None:
    project(tmp_path, slack)
    save(tmp_path, "a.yaml", f"{FAILS}on_failure: C0000003\n")
    with serving(tmp_path) as server:
        server.post("/jobs/a/run")
        until(lambda: [status for *_, status in told(tmp_path)] == ["failed"])
        if how == "invited":
            slack.channels["C0000003"] = True
            command(tmp_path, "alerts", "test", "C0000003")
        else:
            save(tmp_path, "a.yaml", f"{FAILS}on_failure: C0000002\n")
        until(lambda: any("a failed" in text for text in slack.texts()), patience=20)
    assert [said for _, said, *_ in told(tmp_path) if said != "test"] == ["opened"] * 2


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_what_ends_with_its_server_is_one_message(tmp_path: Path, slack: Slack, how: str) -> None:
    project(tmp_path, slack)
    config = tmp_path / "jeeves-runner.yaml"
    config.write_text(config.read_text() + "shutdown_grace: 0s\n")
    names = ["b", "c", "d"]
    for name in names:
        save(tmp_path, f"{name}.yaml", f"run: |\n  touch {name}.runs\n  exec sleep 300\n{ENDS_SOON}")
    with serving(tmp_path) as server:
        for name in names:
            server.post(f"/jobs/{name}/run?wait=0s")
        until(lambda: all((tmp_path / f"{name}.runs").exists() for name in names))
        if how == "stopped":
            server.stop()
        else:
            server.kill()
    with serving(tmp_path):
        until(lambda: told(tmp_path) == [(name, "opened", "interrupted", "stop 1", "sent") for name in names])
    (message,) = slack.messages
    assert all(name in slack.shown(message) for name in names)


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_the_heartbeat_of_a_job_hears_that_its_run_was_ended_with_the_server(
    tmp_path: Path, slack: Slack, how: str
) -> None:
    project(tmp_path, slack)
    config = tmp_path / "jeeves-runner.yaml"
    config.write_text(config.read_text() + "shutdown_grace: 0s\n")
    with receiver() as found:
        save(tmp_path, "b.yaml", f"{HOLD}heartbeat: {found.url}\n")
        with serving(tmp_path) as server:
            server.post("/jobs/b/run?wait=0s")
            started_pid(tmp_path)
            if how == "stopped":
                server.stop()
                assert found.paths == ["/secret-path/fail"]
            else:
                server.kill()
        with serving(tmp_path):
            until(lambda: found.paths)
    assert found.paths == ["/secret-path/fail"]


def told(root: Path) -> list[tuple[object, ...]]:
    with closing(connect(database(root))) as conn:
        rows = conn.execute("SELECT job_id, said, cause, bundle, status FROM outbox ORDER BY job_id")
        return list(rows.fetchall())


def test_a_variable_that_holds_a_secret_of_a_webhook_is_not_inherited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGER_KEY", "hunter2")
    root = new_project(
        tmp_path,
        'port: 0\nnotifications: {webhooks: {pager: {url: "http://127.0.0.1:9/", secrets: {key: {from_env:'
        ' PAGER_KEY}}, template: {key: "{{ secrets.key }}"}}}}\n',
    )
    save(root, "jobs.yaml", "{id: job, timeout: 1m, run: 'echo \"key: ${PAGER_KEY-none}\"'}")
    with serving(root):
        command(root, "trigger", "job", "--wait")
        assert "key: none" in command(root, "logs", "1").stdout
