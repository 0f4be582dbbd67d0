"""The words of messages: the title says in one line which job it is and what happened."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.told import RUN as NIGHTLY

from jeeves_runner.core.alerts.compose import Links, bare, compose, digest
from jeeves_runner.core.alerts.message import Fact, Message
from jeeves_runner.core.alerts.telling import Changed, Lasting, Telling, ToldJob
from jeeves_runner.core.alerts.titles import title_of
from jeeves_runner.core.alerts.words import Cause, Said
from jeeves_runner.core.model import RunStatus
from jeeves_runner.core.outcome import RUNNER_DIED

LINKS = Links("db1", "/srv/jobs")
NOW = datetime(2026, 11, 29, 3, 0, 5, tzinfo=UTC)
JOB = ToldJob("backup", "backup", "ops", "Europe/Berlin", NOW + timedelta(days=1), 40_000)
RUN = NIGHTLY._replace(
    id=7,
    scheduled_for=datetime(2026, 11, 29, 2, 0, tzinfo=UTC),
    started_at=NOW - timedelta(seconds=250),
    stderr="\x1b[31mno space left on device\x1b[0m\n",
)
INCIDENT = Lasting(5, NOW - timedelta(hours=1, minutes=30), 4, None)


def telling(**more: Any) -> Telling:
    return Telling(Said.OPENED, Cause.FAILURE, NOW, JOB, RUN)._replace(**more)


def titled(told: Telling) -> str:
    return title_of(told, LINKS.host)


def message(told: Telling, url: str | None = None) -> Message:
    return compose(told, "db/1", links=LINKS._replace(public_url=url), database="db")


def fact(told: Telling, name: str) -> str | None:
    return next((each.value for each in message(told).facts if each.name == name), None)


def test_a_failure_says_how_long_it_took_and_how_long_it_usually_takes() -> None:
    assert message(telling()) == Message(
        alert_id="db/1",
        tone="bad",
        title="backup failed: exit code 3 after 4m 10s, usually 40s",
        facts=(
            Fact("Owner", "ops"),
            Fact("Scheduled", "2026-11-29 03:00 Europe/Berlin (02:00 UTC)"),
            Fact("Attempt", "3 of 3"),
            Fact("Next", "2026-11-30 04:00:05 Europe/Berlin (03:00:05 UTC)"),
            Fact("Runner", "db1:/srv/jobs"),
        ),
        output="no space left on device",
        command="jeeves-runner logs 7",
        job="backup",
        cause="failure",
        said="opened",
        runner="db1:/srv/jobs",
    )


@pytest.mark.parametrize(
    ("run", "title"),
    [
        ({"status": RunStatus.TIMEOUT, "exit_code": None}, "backup timed out after 4m 10s, usually 40s"),
        (
            {"signal": "SIGKILL", "exit_code": None},
            "backup failed: ended by SIGKILL after 4m 10s, usually 40s",
        ),
        (
            {"exit_code": None, "message": "the file\nis missing", "duration_ms": None},
            "backup failed: the file is missing",
        ),
        (
            {"exit_code": None, "message": "the file is missing; create it"},
            "backup failed after 4m 10s, usually 40s: the file is missing; create it",
        ),
        (
            {"status": RunStatus.INTERRUPTED, "exit_code": None},
            "backup was interrupted after 4m 10s, usually 40s",
        ),
    ],
)
def test_each_end_has_its_words(run: dict[str, Any], title: str) -> None:
    assert titled(telling(run=RUN._replace(**run))) == title


def test_several_failures_in_a_row_are_counted() -> None:
    assert titled(telling(incident=INCIDENT)).endswith("usually 40s (4 times in a row)")


def test_missed_runs_say_since_when_and_why() -> None:
    run = RUN._replace(
        status=RunStatus.MISSED,
        started_at=None,
        duration_ms=None,
        exit_code=None,
        occurrences=3,
        last_for=datetime(2026, 11, 29, 2, 30, tzinfo=UTC),
        reason="late",
        stderr=None,
        stdout=None,
    )
    told = telling(cause=Cause.MISSED, run=run)
    assert titled(told) == ("backup missed 3 runs since 03:00: no runner was there until it was too late")
    assert fact(told, "Scheduled") == (
        "2026-11-29 03:00 Europe/Berlin (02:00 UTC) to 2026-11-29 03:30 Europe/Berlin (02:30 UTC)"
    )
    assert message(told).command == "jeeves-runner run 7"


def test_a_reminder_says_since_when() -> None:
    told = telling(said=Said.REMINDER, incident=INCIDENT)
    assert titled(told) == "backup still fails since 02:30:05 (1h 30m, 4 times)"


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (Cause.MISSED, "missed its time and has not been ok"),
        (Cause.INTERRUPTED, "was interrupted and has not been ok"),
    ],
)
def test_a_reminder_says_since_when_but_once(cause: Cause, words: str) -> None:
    told = telling(cause=cause, said=Said.REMINDER, incident=INCIDENT)
    assert titled(told) == f"backup {words} since 02:30:05 (1h 30m, 4 times)"


def test_a_recovery_says_how_long_it_lasted_and_shows_no_output() -> None:
    told = telling(said=Said.RECOVERED, incident=INCIDENT._replace(closed_at=NOW))
    shown = message(told)
    assert (shown.title, shown.tone) == ("backup is ok again after 1h 30m, 4 times", "good")
    assert shown.output is None


@pytest.mark.parametrize("cause", [each for each in Cause if not each.is_event])
@pytest.mark.parametrize("said", [Said.OPENED, Said.REMINDER, Said.RECOVERED])
def test_every_incident_has_a_title_in_each_of_its_states(cause: Cause, said: Said) -> None:
    bare = Telling(said, cause, NOW, incident=INCIDENT._replace(closed_at=NOW), facts={"words": "is so"})
    title = titled(bare)
    assert title
    assert "None" not in title
    assert titled(bare._replace(job=JOB)).startswith("backup ")


def test_what_a_watch_has_noted_is_said() -> None:
    facts = {
        "words": "is held back: `schedul` is unknown",
        "subject": "jobs.d/a.yaml",
        "lines": [["Line", 3]],
    }
    told = Telling(Said.OPENED, Cause.HELD, NOW, facts=facts)
    assert titled(told) == "jobs.d/a.yaml on db1 is held back: `schedul` is unknown"
    assert fact(told, "Line") == "3"


def test_what_was_wrong_is_not_said_once_it_is_over() -> None:
    facts = {"words": "is held back: bad", "subject": "jobs.d/a.yaml", "lines": [["Hint", "remove it"]]}
    told = Telling(Said.RECOVERED, Cause.HELD, NOW, facts=facts)
    assert titled(told) == "jobs.d/a.yaml on db1 is no longer held back"  # it is read again, or gone
    assert message(told).facts == (Fact("Runner", "db1:/srv/jobs"),)
    assert message(told).command is None


@pytest.mark.parametrize(
    ("cause", "command"),
    [
        (Cause.HELD, "jeeves-runner validate"),
        (Cause.BLOCKED, "jeeves-runner status"),
        (Cause.DISK_FULL, "jeeves-runner doctor"),
        (Cause.CLOCK, None),
    ],
)
def test_what_has_no_job_has_the_command_that_shows_more(cause: Cause, command: str | None) -> None:
    facts = {"words": "is so", "subject": "jobs.d/a.yaml"}
    assert message(Telling(Said.OPENED, cause, NOW, facts=facts)).command == command


@pytest.mark.parametrize(
    "run",
    [
        {"exit_code": None, "signal": "SIGSEGV", "message": "killed by SIGSEGV"},
        {"message": "exit code 3"},
        {"exit_code": None, "message": "the file is missing"},
        {"status": RunStatus.TIMEOUT, "exit_code": None, "message": "timed out"},
    ],
)
def test_what_the_title_says_is_not_said_again(run: dict[str, Any]) -> None:
    assert fact(telling(run=RUN._replace(**run)), "Message") is None


def test_a_run_says_more_than_its_title_where_there_is_more() -> None:
    run = RUN._replace(status=RunStatus.TIMEOUT, exit_code=None, message="timed out (killed by SIGTERM)")
    assert fact(telling(run=run), "Message") == "timed out (killed by SIGTERM)"


def test_what_has_changed_names_the_commit() -> None:
    changed = Changed(("timeout", "script"), "f00dfeed" * 5, "Ada", "Make it faster")
    assert fact(telling(changed=changed), "Changed since it was ok") == (
        "timeout, script (commit f00dfeedf0 by Ada: Make it faster)"
    )


def test_it_links_to_the_run_where_the_pages_have_an_address() -> None:
    assert message(telling(), "https://jobs.example").link == "https://jobs.example/runs/7"
    assert message(telling()).link is None


def test_what_is_said_late_says_when_it_happened() -> None:
    soon = telling(now=NOW + timedelta(minutes=4))
    assert fact(soon, "Happened") is None
    assert fact(telling(now=NOW + timedelta(hours=5)), "Happened") == (
        "2026-11-29 04:00:05 Europe/Berlin (03:00:05 UTC)"
    )


def test_an_output_is_in_the_message_or_a_file() -> None:
    told = telling(said=Said.OUTPUT, cause=None)
    assert message(told).output == "copied 3 files"
    long = message(told._replace(run=RUN._replace(stdout="line\n" * 1_000)))
    assert long.attachment is not None
    assert (long.attachment.name, long.attachment.text.end) == ("backup-7.txt", "line\n" * 1_000)
    assert message(told._replace(run=RUN._replace(stdout=None))).output is None


def test_the_messages_of_an_incident_share_its_name() -> None:
    opened = message(telling(incident=INCIDENT))
    assert (
        opened.incident == message(telling(said=Said.REMINDER, incident=INCIDENT)).incident == "db/incident-5"
    )


def test_a_digest_that_comes_late_says_from_when_to_when_it_happened() -> None:
    told = [telling(at=NOW + timedelta(seconds=each), now=NOW + timedelta(hours=2)) for each in (1, 50, 20)]
    assert happened(told) == [
        "2026-11-29 04:00:06 Europe/Berlin (03:00:06 UTC) to 2026-11-29 04:00:55 Europe/Berlin (03:00:55 UTC)"
    ]
    elsewhere = [told[0], told[1]._replace(job=JOB._replace(timezone="Asia/Tokyo"))]
    assert happened(elsewhere) == ["2026-11-29 03:00:06 UTC to 2026-11-29 03:00:55 UTC"]
    assert happened([each._replace(now=NOW + timedelta(minutes=1)) for each in told]) == []


def happened(told: list[Telling]) -> list[str]:
    """What a digest says of it."""
    facts = digest(told, "db/1", links=LINKS).facts
    return [each.value for each in facts if each.name == "Happened"]


def test_a_digest_names_each() -> None:
    shown = digest([telling(), telling(job=JOB._replace(id="other"))], "db/1", links=LINKS)
    assert shown.title == "2 more alerts on db1 within a minute"
    assert shown.items == (
        "backup failed: exit code 3 after 4m 10s, usually 40s",
        "other failed: exit code 3 after 4m 10s, usually 40s",
    )


def test_what_is_wrong_with_one_thing_of_a_job_names_both() -> None:
    told = telling(said=Said.RECOVERED, cause=Cause.STALE, facts={"subject": "daily-report"})
    assert titled(told) == "daily-report (job backup) is fresh again"


@pytest.mark.parametrize(
    ("said", "tone", "title"),
    [
        ([(Said.EVENT, Cause.SUCCESS)] * 2, "good", "2 more runs were ok within a minute"),
        ([(Said.RECOVERED, Cause.FAILURE)] * 2, "good", "2 incidents are over"),
        ([(Said.REMINDER, Cause.INTERRUPTED)] * 2, "bad", "2 incidents are still open"),
        (
            [(Said.REMINDER, Cause.LATE), (Said.RECOVERED, Cause.LATE)],
            "bad",
            "2 more alerts within a minute",
        ),
        (
            [(Said.EVENT, Cause.SUCCESS), (Said.EVENT, Cause.CLOCK)],
            "plain",
            "2 more alerts within a minute",
        ),
        (
            [(Said.EVENT, Cause.SUCCESS), (Said.OPENED, Cause.LATE)],
            "bad",
            "2 more alerts within a minute",
        ),
    ],
)
def test_a_digest_is_as_bad_as_the_worst_of_it(said: list[tuple[Said, Cause]], tone: str, title: str) -> None:
    shown = digest([telling(said=word, cause=cause) for word, cause in said], "db/1", links=LINKS)
    assert (shown.tone, shown.title.replace(" on db1", "")) == (tone, title)
    assert " on db1 " in shown.title


def test_all_that_one_stop_interrupted_is_said_so() -> None:
    told = telling(cause=Cause.INTERRUPTED, run=RUN._replace(status=RunStatus.INTERRUPTED))
    assert digest([told, told, told], "db/1", links=LINKS).title == "3 runs on db1 were interrupted"


def test_why_all_were_interrupted_is_said_once() -> None:
    runs = [
        RUN._replace(status=RunStatus.INTERRUPTED, message="the runner was shut down" + more)
        for more in ("", "", " (exit code 143)")
    ]
    told = [telling(cause=Cause.INTERRUPTED, run=run) for run in runs]
    title = digest(told[:2], "db/1", links=LINKS).title
    assert title == "2 runs on db1 were interrupted: the runner was shut down"
    title = digest(told, "db/1", links=LINKS).title
    assert title == "3 runs on db1 were interrupted: the runner was shut down"
    died = [each._replace(run=RUN._replace(message=RUNNER_DIED)) for each in told]
    assert digest(died, "db/1", links=LINKS).title == "3 runs on db1 were interrupted: the runner died"


_texts = st.text(max_size=30) | st.sampled_from(
    ["\x1b]8;;x\x07", "\x1b[2J", "a\rb\r", "\u202e", "<!here>", ""]
)


@given(_texts, _texts, _texts, st.sampled_from(Said), st.sampled_from([*Cause, None]))
def test_whatever_scripts_and_people_write_no_line_steers_anything(
    first: str, second: str, third: str, said: Said, cause: Cause | None
) -> None:
    job = JOB._replace(name=first, owner=second)
    run = RUN._replace(exit_code=None, message=third, stderr=first + third, stdout=second)
    changed = Changed((first or "x",), first, second, third)
    facts = {"words": third, "lines": [[first, second]]}
    shown = message(Telling(said, cause, NOW, job, run, INCIDENT, changed, facts))
    lines = [shown.title, *(each for one in shown.facts for each in one)]
    assert all(line.isprintable() for line in lines)
    assert all(char.isprintable() or char in "\n\t" for char in shown.output or "")


@pytest.mark.parametrize(
    ("said", "cause", "facts", "title"),
    [
        (Said.TEST, None, {}, "This is a test: messages from jeeves-runner on db1 arrive here"),
        (Said.OPENED, Cause.DISK_FULL, {"words": "is full"}, "the disk on db1 is full"),
        (Said.REMINDER, Cause.DISK_FULL, {}, "the disk on db1 is still full"),
        (Said.OPENED, Cause.BLOCKED, {"words": "are not applied"}, "changes of the manifests on db1 are not"),
        (Said.EVENT, Cause.CLOCK, {"words": "was set back"}, "the clock on db1 was set back"),
        (Said.EVENT, Cause.DOWN, {"words": "was down 02:10-03:40"}, "the runner on db1 was down 02:10-03:40"),
        (Said.EVENT, Cause.DEAD_LETTERS, {"subject": "in", "words": "1 item"}, "queue in on db1: 1 item"),
    ],
)
def test_what_has_no_job_says_which_runner_it_is_about(
    said: Said, cause: Cause | None, facts: dict[str, Any], title: str
) -> None:
    told = Telling(said, cause, NOW, facts=facts)
    shown = message(told)
    assert shown.title.startswith(title)
    assert fact(told, "Runner") == shown.runner == "db1:/srv/jobs"


def test_a_digest_says_which_runner_it_is_about() -> None:
    shown = digest([telling()] * 2, "db/1", links=LINKS)
    assert (shown.runner, shown.facts) == ("db1:/srv/jobs", (Fact("Runner", "db1:/srv/jobs"),))


def test_what_cannot_be_written_says_which_runner_it_is_about() -> None:
    shown = bare("db/1", [(Said.OPENED, Cause.HELD, None)], links=LINKS)
    assert shown.title.startswith("jeeves-runner on db1: opened, held")
    assert (shown.runner, shown.facts) == ("db1:/srv/jobs", (Fact("Runner", "db1:/srv/jobs"),))


def test_a_timeout_is_not_told_twice() -> None:
    ended = RUN._replace(
        status=RunStatus.TIMEOUT, exit_code=None, signal="SIGTERM", message="timed out (killed by SIGTERM)"
    )
    told = telling(run=ended)
    assert fact(told, "Message") is None
    assert titled(told) == "backup timed out after 4m 10s, usually 40s"


def test_that_it_is_over_says_nothing_of_the_attempt() -> None:
    told = telling(said=Said.RECOVERED, run=RUN._replace(status=RunStatus.OK, attempt=1))
    assert fact(told, "Attempt") is None
