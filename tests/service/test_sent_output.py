"""The output of a whole server's jobs reaches those who are to get it, whole, whatever happens in between."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.cli import words
from support.gateway import double
from support.server import command, database, new_project, save, serving, until
from support.slack import TOKEN, Fault, Slack, slack_double

from jeeves_runner.db.connection import connect

CHANNEL = "C0000001"
COUNTS = f"run: seq 1 30000\ntimeout: 1m\noutput_channel: {CHANNEL}\n"
COUNTED = "".join(f"{number}\n" for number in range(1, 30_001))


@pytest.fixture
def slack() -> Iterator[Slack]:
    with slack_double() as far:
        yield far


def project(root: Path, slack: Slack, manifest: str = COUNTS, more: str = "") -> Path:
    token = root / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    config = f"port: 0\nnotifications:\n  slack: {{token_path: token, base_url: '{slack.url.rstrip('/')}'}}\n"
    new_project(root, config + more)
    save(root, "a.yaml", manifest)
    return root


def rows(root: Path, query: str) -> list[tuple[object, ...]]:
    with closing(connect(database(root))) as conn:
        return list(conn.execute(query))


def copy_of(root: Path) -> Path:
    (path,) = (root / "data" / "logs").rglob("*.out")
    return path


def test_it_arrives_whole(tmp_path: Path, slack: Slack) -> None:
    with serving(project(tmp_path, slack)) as server:
        server.post("/jobs/a/run")
        until(lambda: slack.files)
        until(lambda: rows(tmp_path, "SELECT status FROM outbox") == [("sent",)])
    (file,) = slack.files
    assert (file["name"], file["content"]) == ("a-1.txt", COUNTED)
    assert file["thread_ts"] == slack.messages[0]["ts"]


@pytest.mark.parametrize("on", ["chat.postMessage", "upload", "files.completeUploadExternal"])
def test_a_kill_while_it_is_sent_neither_loses_nor_repeats_it(tmp_path: Path, slack: Slack, on: str) -> None:
    slack.switch_on(Fault(on=on, kind="hang", times=None))
    with serving(project(tmp_path, slack)) as server:
        server.post("/jobs/a/run")
        until(lambda: slack.calls[on])
        server.kill()
    slack.switch_off()
    with serving(tmp_path):
        until(lambda: slack.files)
        until(lambda: rows(tmp_path, "SELECT status FROM outbox") == [("sent",)])
    assert [file["content"] for file in slack.files] == [COUNTED]
    assert len([each for each in slack.messages if each["text"]]) == 1


def test_of_a_run_that_a_kill_of_the_server_has_ended_what_there_was_arrives(
    tmp_path: Path, slack: Slack
) -> None:
    manifest = COUNTS.replace("seq 1 30000", "'seq 1 30000; touch there; while :; do sleep 0.1; done'")
    with serving(project(tmp_path, slack, manifest)) as server:
        server.post("/jobs/a/run?wait=0s")
        until((tmp_path / "there").exists)
        until(lambda: copy_of(tmp_path).read_text() == COUNTED)
        server.kill()
    with serving(tmp_path):
        until(lambda: slack.files)
    assert [file["content"] for file in slack.files] == [COUNTED]


@pytest.mark.parametrize("instead", ["nothing", "a link"])
def test_where_its_file_is_gone_its_end_arrives(tmp_path: Path, slack: Slack, instead: str) -> None:
    slack.down()
    with serving(project(tmp_path, slack, COUNTS.replace("30000", "150"))) as server:
        server.post("/jobs/a/run")
        until(lambda: rows(tmp_path, "SELECT 1 FROM outbox WHERE tries > 0"))
        path = copy_of(tmp_path)
        path.unlink()
        if instead == "a link":
            (tmp_path / "other").write_text("x\n" * 10_000)
            path.symlink_to(tmp_path / "other")
        slack.up()
        until(lambda: rows(tmp_path, "SELECT status FROM outbox") == [("sent",)])
    assert slack.files == []
    assert "… 50 lines cut\n51\n" in slack.shown(slack.messages[0])


def test_without_the_scope_for_files_what_fits_arrives_and_people_see_why(
    tmp_path: Path, slack: Slack
) -> None:
    slack.scopes.discard("files:write")
    with serving(project(tmp_path, slack)) as server:
        server.post("/jobs/a/run")
        until(lambda: rows(tmp_path, "SELECT status FROM outbox") == [("sent",)])
        status = command(tmp_path, "status").stdout
        found = command(tmp_path, "doctor").stdout
    assert "30000" in slack.shown(slack.messages[1])
    why = "a-1.txt has arrived in part: Slack answers missing_scope; give the app the scope files:write"
    assert f"in part {CHANNEL} 1 output, last now: {why}" in words(status)
    assert f"{CHANNEL}: of 1 output not all has arrived: {why}" in words(found)


def test_the_text_of_an_agent_arrives_whole(tmp_path: Path, slack: Slack) -> None:
    manifest = f"type: session\nprompt: MODE:long=200000\ntimeout: 1m\noutput_channel: {CHANNEL}\n"
    with double() as far:
        (tmp_path / "key").write_text(far.token)
        (tmp_path / "key").chmod(0o600)
        gateway = f"gateway: {{url: '{far.url}', token_path: key}}\n"
        with serving(project(tmp_path, slack, manifest, gateway)) as server:
            server.post("/jobs/a/run")
            until(lambda: slack.files)
    assert len(slack.files[0]["content"]) >= 200_000
