"""``alerts``: what is wrong and who was told, and how ``status`` tells of it."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from support.alerts import OPS, AlertLedger
from support.cli import Shell, answering, between_looks, words
from support.clock import NOON
from support.receiver import receiver

from jeeves_runner.core.alert_spec import Alert
from jeeves_runner.core.alerts.words import Cause, Said
from jeeves_runner.db import alerting, outbox
from jeeves_runner.db.alerting import Happened
from jeeves_runner.db.outbox import Saying
from jeeves_runner.views.runner import counts, status_view
from jeeves_runner.views.sync import recorded_sync

CONFIG = """timezone: UTC
notifications:
  default_on_failure: C0123456
  slack: {}
  webhooks: {ops: {url: "http://127.0.0.1:9/secret-path"}}
"""
REASON = "Slack answers invalid_auth; put the bot token in its place"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path, AlertLedger)
    shell.config.write_text(CONFIG)
    return shell


@pytest.fixture
def ledger(shell: Shell) -> AlertLedger:
    assert isinstance(shell.ledger, AlertLedger)
    return shell.ledger


def give_up(ledger: AlertLedger) -> None:
    """All messages that wait."""
    with ledger.tx() as tx:
        ids = [row_id for (row_id,) in tx.conn.execute("SELECT id FROM outbox WHERE status = 'pending'")]
        outbox.give_up(tx, ids, REASON)


def check(shell: Shell) -> tuple[int, list[str]]:
    """What ``status --check`` says beside a server that is well: its code, and its rows."""
    sync = recorded_sync(shell.ledger.conn, None)
    said = status_view(
        counts(shell.ledger.conn, shell.ledger.now), shell.ledger.now, uptime=timedelta(0), sync=sync
    )
    with answering({"/status": said, "/sync": sync}) as socket, shell.server(socket):
        result = shell.run("status", "--check")
    return result.exit_code, [words(line) for line in result.stdout.splitlines()[1:]]


# The list


def test_all_well_says_where_messages_would_go(shell: Shell) -> None:
    assert shell.text("alerts").splitlines() == [
        "Nothing is wrong.",
        "No message waits.",
        f"Messages go to {OPS}.",
    ]


def test_all_well_says_that_nobody_would_hear_of_a_failure(shell: Shell) -> None:
    shell.config.write_text("timezone: UTC\n")
    assert "No alert would be sent: set `notifications.default_on_failure`" in shell.text("alerts")
    shell.ledger.add_job("a", on_failure=("webhook:x",))
    assert shell.text("alerts").endswith("Messages go to webhook:x.\n")


def test_what_is_wrong_is_listed_with_who_was_told(shell: Shell, ledger: AlertLedger) -> None:
    ledger.add_told_job("a")
    ledger.add_told_job("b", alert=Alert(after=2))
    ledger.end("a", "error")
    ledger.end("b", "error")
    ledger.clock.advance(minutes=5)
    lines = [words(line) for line in shell.text("alerts").splitlines()]
    assert lines == [
        "Wrong",
        "CAUSE OF SINCE TIMES WHAT TOLD",
        "failure b 5m ago 1 exit code 1 no alert yet: `alert.after` asks for more failures",
        f"failure a 5m ago 1 exit code 1 told 5m ago in {OPS}",
        "",
        "Not sent",
        "CHANNEL SAYS OF SINCE STATE NOTE",
        f"{OPS} opened failure a 5m ago waits for its turn",
    ]
    give_up(ledger)
    assert f"{OPS} opened failure a 5m ago failed now: {REASON}" in words(shell.text("alerts"))


def test_what_is_over_is_listed_with_all(shell: Shell, ledger: AlertLedger) -> None:
    ledger.add_told_job("a")
    ledger.end("a", "error")
    ledger.end("a", "ok")
    with ledger.tx() as tx:
        outbox.record_sent(tx, [1, 2], None)
    assert shell.text("alerts").startswith("Nothing is wrong.")
    lines = [words(line) for line in shell.text("alerts", "--all").splitlines()]
    assert lines[2] == "failure a now 1 exit code 1 recovered now"
    assert lines[-2:] == [
        f"{OPS} recovered failure a now sent now",
        f"{OPS} opened failure a now sent now",
    ]


def test_what_has_no_job_is_called_by_its_name(shell: Shell, ledger: AlertLedger) -> None:
    with ledger.tx() as tx:
        for cause, subject in ((Cause.DISK_FULL, ""), (Cause.HELD, "jobs.d/a.yaml")):
            facts = {"words": "is full: 3 MiB are left"}
            alerting.report(tx, Happened(cause, subject=subject, facts=facts, channels=(OPS,)))
    shown = words(shell.text("alerts"))
    assert f"disk_full the disk now 1 is full: 3 MiB are left told now in {OPS}" in shown
    assert f"{OPS} opened disk_full the disk now waits" in shown
    assert "held jobs.d/a.yaml now 1" in shown


def test_a_mute_of_everything_is_said_first(shell: Shell) -> None:
    shell.text("mute", "--all", "--for", "2h", "--reason", "moving")
    assert shell.text("alerts").startswith("Everything is muted, ends in 2h: moving.\n")


def test_a_long_list_says_that_there_is_more(shell: Shell, ledger: AlertLedger) -> None:
    for number in range(25):
        ledger.add_told_job(f"j{number}")
        ledger.end(f"j{number}", "error")
    assert shell.text("alerts").endswith("There are more: see --limit.\n")
    document = shell.json("alerts", "--limit", "3")
    assert len(document["incidents"]) == len(document["messages"]) == 3
    assert document["next_before_incident"] == document["incidents"][-1]["id"]


def test_options_of_the_list_do_not_go_with_another_word(shell: Shell) -> None:
    result = shell.run("alerts", "--all", "test", "webhook:ops")
    assert (result.exit_code, "go with the list of alerts alone" in result.stderr) == (64, True)


# A message on trial


@pytest.mark.parametrize(
    ("channel", "reason"),
    [
        ("#ops", "`#ops` is no channel"),
        ("webhook:opps", "there is no webhook `opps`\nhint: did you mean ops?"),
        ("email:a@example.org", "needs a mail server, and the config names none"),
        ("https://hooks.example.org/T0/B0", "a URL is no channel"),
    ],
)
def test_a_message_on_trial_needs_a_channel_of_the_config(shell: Shell, channel: str, reason: str) -> None:
    with shell.server():
        result = shell.run("alerts", "test", channel)
    assert result.exit_code == 64
    assert reason in result.stderr
    assert shell.ledger.count("outbox") == 0


BY_ITSELF = "no server runs: this command sends it, with its own environment\n"


@pytest.mark.parametrize("is_new", [True, False])
def test_without_a_server_the_command_sends_it(tmp_path: Path, shell: Shell, is_new: bool) -> None:
    database = shell.ledger.path
    if is_new:
        shell.ledger.conn.close()
        shutil.rmtree(database.parent)
    with receiver() as found:
        shell.config.write_text(f"notifications: {{webhooks: {{ops: {{url: '{found.url}'}}}}}}\n")
        result = shell.run("alerts", "test", "webhook:ops")
    assert (result.exit_code, result.stderr) == (0, BY_ITSELF)
    assert result.stdout == "A message was sent to webhook:ops.\n"
    ((_, body),) = found.got
    assert json.loads(body)["title"].startswith("This is a test: messages from jeeves-runner on ")
    assert database.exists() is not is_new


def test_without_a_server_it_is_tried_once_and_the_reason_is_said(shell: Shell) -> None:
    result = shell.run("alerts", "test", "webhook:ops", "--json")
    assert (result.exit_code, result.stderr) == (1, BY_ITSELF)
    message = json.loads(result.stdout)["message"]
    assert (message["channel"], message["status"]) == ("webhook:ops", "failed")
    assert "webhook ops cannot be reached" in message["error"]
    assert "secret-path" not in result.stdout
    assert shell.ledger.count("outbox") == 0


def test_a_message_that_is_sent_is_said_to_be(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def deliver() -> None:
        with shell.ledger.tx() as tx:
            outbox.record_sent(tx, [1], None)

    between_looks(monkeypatch, deliver)
    with shell.server():
        assert shell.text("alerts", "test", "webhook:ops") == "A message was sent to webhook:ops.\n"


def test_a_message_that_is_not_taken_exits_1_with_the_reason(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        with shell.ledger.tx() as tx:
            outbox.give_up(tx, [1], REASON)

    between_looks(monkeypatch, refuse)
    with shell.server():
        result = shell.run("alerts", "test", OPS)
    assert (result.exit_code, result.stdout) == (1, f"{OPS} does not take it: {REASON}.\n")


def test_a_message_that_waits_for_a_minute_exits_3(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        with shell.ledger.tx() as tx:
            outbox.put_off(tx, [1], timedelta(seconds=1), "it is down", may_have_arrived=False)

    between_looks(monkeypatch, fail, lambda: shell.ledger.clock.advance(seconds=61))
    with shell.server():
        result = shell.run("alerts", "test", "webhook:ops", "--json")
    assert result.exit_code == 3
    assert result.stderr == "not sent yet: it is down; it is tried again\n"
    assert '"status": "pending"' in result.stdout


def test_a_server_that_goes_away_ends_the_wait(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    with shell.server() as lock:
        between_looks(monkeypatch, lock.release, lambda: None, lambda: shell.ledger.clock.advance(seconds=11))
        result = shell.run("alerts", "test", "webhook:ops")
    assert (result.exit_code, "the server has stopped" in result.stderr) == (2, True)


# In status


def test_a_skipped_run_does_not_hide_an_earlier_failure(shell: Shell, ledger: AlertLedger) -> None:
    ledger.add_told_job("a")
    ledger.end("a", "error")
    ledger.add_run("a", "skipped", reason="exit_code", started_at="2026-03-01T12:00:00.000Z")
    assert shell.json("job", "a")["job"]["last_status"] == "skipped"
    row = f"failure a since now: exit code 1; told now in {OPS}"
    assert row in words(shell.text("status"))
    assert check(shell) == (1, [row])


def test_a_failing_job_is_one_row_with_who_was_told(shell: Shell, ledger: AlertLedger) -> None:
    ledger.add_told_job("a")
    ledger.end("a", "error")
    code, rows = check(shell)
    assert (code, len(rows)) == (1, 1)
    assert rows[0].startswith("failing a error, last now in run 1; told now in")


def test_what_has_not_happened_often_enough_fails_no_check(shell: Shell, ledger: AlertLedger) -> None:
    ledger.add_told_job("a", alert=Alert(after=2))
    ledger.end("a", "error")
    ledger.add_run("a", "skipped", started_at="2026-03-01T12:00:00.000Z")
    assert "`alert.after` asks for more failures" in shell.text("status")
    assert check(shell) == (0, [])


@pytest.mark.parametrize("muted", [False, True])
def test_what_should_have_been_told_fails_a_check(shell: Shell, ledger: AlertLedger, muted: bool) -> None:
    ledger.add_job("a", on_failure=(OPS,) if muted else ())
    if muted:
        ledger.mute("a", minutes=60)
    ledger.end("a", "error")
    ledger.add_run("a", "skipped", started_at="2026-03-01T12:00:00.000Z")
    code, (row,) = check(shell)
    assert (code, row.startswith("failure a since now: exit code 1; no alert:")) == (1, True)


def test_a_channel_that_takes_nothing_asks_for_attention(shell: Shell, ledger: AlertLedger) -> None:
    ledger.add_told_job("a")
    ledger.end("a", "error")
    ledger.end("a", "ok")
    give_up(ledger)
    row = f"unsent {OPS} 2 messages could not be sent, last now: {REASON};"
    code, (found,) = check(shell)
    assert (code, found.startswith(row)) == (1, True)
    assert f"`jeeves-runner alerts test {OPS}` shows whether it is fixed" in found
    assert "Alerts: 2 messages could not be sent; see `jeeves-runner alerts`." in shell.text("status")
    health = shell.json("status")["health"]
    assert (health["incidents_open"], health["messages_waiting"], health["messages_failed"]) == (0, 0, 2)


def test_a_channel_that_is_tried_again_fails_a_check_after_a_while(shell: Shell, ledger: AlertLedger) -> None:
    ledger.add_told_job("a")
    ledger.end("a", "error")
    ledger.end("a", "ok")
    with ledger.tx() as tx:
        outbox.put_off(tx, [1], timedelta(minutes=9), "it is down", may_have_arrived=False)
    row = f"unsent {OPS} 1 message waits since now, next try in 9m: it is down"
    assert row in words(shell.text("status"))
    assert check(shell) == (0, [])
    ledger.clock.advance(minutes=6)
    assert check(shell)[0] == 1
    assert ledger.now > NOON
    with ledger.tx() as tx:
        outbox.put_off(tx, [2], timedelta(minutes=8), "it is down", may_have_arrived=False)
    # Both before and after the first is due: the channel rests since it did not take the second.
    for minutes in (0, 4):
        ledger.clock.advance(minutes=minutes)
        assert f", next try in {8 - minutes}m: it is down" in words(shell.text("status"))
    listed = words(shell.text("alerts"))
    assert "waits 1 try, the next in 4m; it is down" in listed
    assert "waits 1 try, the next in its turn; it is down" in listed


def test_what_has_waited_for_others_waits_for_its_turn_by_now(shell: Shell, ledger: AlertLedger) -> None:
    saying = Saying(Said.TEST, wait=timedelta(minutes=1))
    with ledger.tx() as tx:
        outbox.put(tx, saying, [OPS])
    assert "waits goes in 1m" in words(shell.text("alerts"))
    ledger.clock.advance(minutes=2)
    assert "waits for its turn" in words(shell.text("alerts"))


def test_a_channel_that_takes_nothing_stands_above_the_jobs_of_which_nobody_hears(
    shell: Shell, ledger: AlertLedger
) -> None:
    for number in range(12):
        ledger.add_told_job(f"a{number}")
        ledger.end(f"a{number}", "error")
    give_up(ledger)
    status = words(shell.text("status"))
    assert 0 < status.index(f"unsent {OPS}") < status.index("failing a0")
    assert f"said now, but it has not arrived in {OPS}" in status


def test_what_no_channel_has_taken_has_not_arrived(shell: Shell, ledger: AlertLedger) -> None:
    ledger.add_told_job("a")
    ledger.end("a", "error")
    with ledger.tx() as tx:
        alerting.record_refused(tx, [1], REASON)
    assert f"has not arrived in {OPS}" in words(shell.text("alerts"))
    ledger.mute("a")
    assert f"has not arrived in {OPS}, now muted" in words(shell.text("alerts"))
