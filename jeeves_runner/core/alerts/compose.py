"""A message put together: its title, what has changed, the last output, what to do next."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from shlex import quote as quoted
from typing import Final, NamedTuple
from urllib.parse import quote

from jeeves_runner.core.alerts.message import Attachment, Fact, Message, Tone
from jeeves_runner.core.alerts.telling import Changed, Telling, ToldJob, ToldRun
from jeeves_runner.core.alerts.texts import clean, last_lines, moment
from jeeves_runner.core.alerts.titles import brief_line, title_of
from jeeves_runner.core.alerts.whole_text import WholeText, of_text
from jeeves_runner.core.alerts.words import Cause, Said
from jeeves_runner.core.model import RunStatus, Trigger
from jeeves_runner.core.wording import one_line

_INLINE: Final = 2_000
"""Characters of an output that stand in the message itself; a longer one is a file."""
_FIELDS: Final = 8
_LATE: Final = timedelta(minutes=5)
"""What is said so long after it happened says when it did: a channel shows when it got the message."""

_COMMANDS: Final = {
    Cause.HELD: "jeeves-runner validate",
    Cause.BLOCKED: "jeeves-runner status",
    Cause.DISK_FULL: "jeeves-runner doctor",
}
"""What shows more of what is of no run."""


class Links(NamedTuple):
    """Where a message leads to."""

    host: str
    """What the runner's machine calls itself."""
    folder: str
    """The project's folder there, where commands are run."""
    public_url: str | None = None
    """The address of the runner's pages, without a slash at its end; None: they have none."""

    @property
    def runner(self) -> str:
        """Which runner it is, as people and their tools write it: ``HOST:FOLDER``."""
        return one_line(f"{self.host}:{self.folder}")


def compose(
    telling: Telling, alert_id: str, *, links: Links, database: str, stdout: WholeText | None = None
) -> Message:
    """The message for one row of the outbox. ``database`` names the database, for what lasts. ``stdout``:
    all that the run wrote to it, cleaned, for a row that passes it on; None: there is what its row has."""
    run, job, incident = telling.run, telling.job, telling.incident
    failed = telling.said is not Said.RECOVERED and telling.cause is not Cause.SUCCESS
    whole = Message(
        alert_id=alert_id,
        tone=_tone(telling),
        title=title_of(telling, links.host),
        facts=(*_facts(telling), *_of_runner(links)),
        output=last_lines(run.stderr) or last_lines(run.stdout) if run is not None and failed else None,
        command=_command(telling),
        link=_link(links, run, job),
        runner=links.runner,
        job=None if job is None else job.id,
        cause=telling.cause or "",
        said=telling.said,
        incident=None if incident is None else f"{database}/incident-{incident.id}",
    )
    return _with_output(whole, run, stdout) if telling.said is Said.OUTPUT else whole


def digest(tellings: Sequence[Telling], alert_id: str, *, links: Links) -> Message:
    """One message for several rows, each named by its title."""
    titles = tuple(title_of(each, links.host) for each in tellings)
    return Message(
        alert_id=alert_id,
        tone=_worst({_tone(each) for each in tellings}),
        title=f"{len(titles)} {_what_of_many(tellings, one_line(links.host))}",
        facts=(*_when_it_happened(tellings), *_of_runner(links)),
        items=titles,
        command="jeeves-runner alerts",
        link=links.public_url,
        runner=links.runner,
        cause="" if len({each.cause for each in tellings}) > 1 else tellings[0].cause or "",
        said=tellings[0].said,
    )


def _when_it_happened(tellings: Sequence[Telling]) -> Iterator[Fact]:
    """Of what is said late: on the clocks of its jobs, where they have the same zone."""
    first, last = min(each.at for each in tellings), max(each.at for each in tellings)
    now = tellings[0].now
    if now is not None and now - first >= _LATE:
        zones = {"UTC" if each.job is None else each.job.timezone for each in tellings}
        zone = zones.pop() if len(zones) == 1 else "UTC"
        until = "" if last == first else f" to {moment(last, zone)}"
        yield Fact("Happened", moment(first, zone) + until)


def _worst(tones: set[Tone]) -> Tone:
    if "bad" in tones:
        return "bad"
    return "plain" if "plain" in tones else "good"


def _what_of_many(tellings: Sequence[Telling], host: str) -> str:
    if all(each.said is Said.RECOVERED for each in tellings):
        return f"incidents on {host} are over"
    if all(each.said is Said.REMINDER for each in tellings):
        return f"incidents on {host} are still open"
    if all(each.cause is Cause.SUCCESS for each in tellings):
        return f"more runs on {host} were ok within a minute"
    if all(each.said is Said.OPENED and each.cause is Cause.INTERRUPTED for each in tellings):
        return f"runs on {host} were interrupted{_by_what(tellings)}"
    return f"more alerts on {host} within a minute"


def _by_what(tellings: Sequence[Telling]) -> str:
    """Where all have the same to say of it. How each of them then ended stands behind that, in brackets."""
    said = {(each.run.message or "").partition(" (")[0] for each in tellings if each.run is not None}
    why = brief_line(said.pop()).removesuffix(" while this ran") if len(said) == 1 else ""
    return f": {why}" if why else ""


def bare(alert_id: str, rows: Sequence[tuple[Said, Cause | None, str | None]], *, links: Links) -> Message:
    """What is left to say, by what is said, its cause and its job, of what no message can be written of."""
    said, cause, job = rows[0]
    more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
    who = job or f"jeeves-runner on {links.host}"
    what = f"{who}: {said}{'' if cause is None else f', {cause}'}{more}"
    return Message(
        alert_id=alert_id,
        tone="good" if said is Said.RECOVERED else "bad",
        title=f"{one_line(what)} (the runner's log says why there is no more here)",
        facts=_of_runner(links),
        command="jeeves-runner alerts",
        job=job,
        cause=cause or "",
        said=said,
        runner=links.runner,
    )


def _facts(telling: Telling) -> Iterator[Fact]:
    job, run = telling.job, telling.run
    zone = "UTC" if job is None else job.timezone
    if job is not None and job.name != job.id:
        yield Fact("Name", one_line(job.name))
    if job is not None and job.owner:
        yield Fact("Owner", one_line(job.owner))
    yield from _when_it_happened([telling])
    if run is not None:
        yield from _run_facts(run, zone, is_over=telling.said is Said.RECOVERED)
    if telling.changed is not None and telling.said is not Said.RECOVERED:
        yield Fact("Changed since it was ok", one_line(_changed(telling.changed)))
    if telling.said is not Said.RECOVERED:
        for name, value in telling.facts.get("lines", ()):
            yield Fact(one_line(str(name)), one_line(str(value)))
    if job is not None and job.coming is not None:
        yield Fact("Next", moment(job.coming, zone))


def _of_runner(links: Links) -> tuple[Fact]:
    """Several runners may tell in the same channel; and the command wants to be run in some place."""
    return (Fact("Runner", links.runner),)


def _run_facts(run: ToldRun, zone: str, *, is_over: bool) -> Iterator[Fact]:
    if run.scheduled_for is not None:
        text = moment(run.scheduled_for, zone)
        until = "" if run.last_for is None else f" to {moment(run.last_for, zone)}"
        yield Fact("Scheduled", text + until)
    elif run.trigger is not Trigger.SCHEDULE:
        yield Fact("Trigger", str(run.trigger))
    if run.attempts > 1 and not is_over:
        yield Fact("Attempt", f"{run.attempt} of {run.attempts}")
    if run.message and not _is_in_title(run.message, run):
        yield Fact("Message", brief_line(run.message))


def _is_in_title(message: str, run: ToldRun) -> bool:
    if run.status is RunStatus.ERROR and run.exit_code is None and run.signal is None:
        return True
    killed = f"killed by {run.signal}"
    return message in ("timed out", f"timed out ({killed})", f"exit code {run.exit_code}", killed)


def _changed(changed: Changed) -> str:
    fields = list(changed.fields[:_FIELDS])
    if len(changed.fields) > _FIELDS:
        fields.append(f"and {len(changed.fields) - _FIELDS} more")
    what = ", ".join(fields)
    if changed.commit is None:
        return what
    by = f" by {changed.author}" if changed.author else ""
    subject = f": {brief_line(changed.subject)}" if changed.subject else ""
    return f"{what} (commit {changed.commit[:10]}{by}{subject})"


def _tone(telling: Telling) -> Tone:
    if telling.said is Said.RECOVERED or telling.cause is Cause.SUCCESS:
        return "good"
    if telling.said in (Said.TEST, Said.OUTPUT) or telling.cause in (Cause.CLOCK, Cause.DOWN):
        return "plain"
    return "bad"


def _command(telling: Telling) -> str | None:
    """The command that shows more. What has not started has no log, but a row that says why."""
    run = telling.run
    if telling.cause is Cause.DEAD_LETTERS:
        return f"jeeves-runner queue peek {quoted(str(telling.facts.get('subject')))} --failed"
    if run is None and telling.cause is Cause.STALE:
        return f"jeeves-runner why {quoted(str(telling.facts.get('subject')))}"
    if run is None:
        return None if telling.said is Said.RECOVERED else _COMMANDS.get(telling.cause)  # type: ignore[arg-type]
    return f"jeeves-runner {'run' if run.started_at is None else 'logs'} {run.id}"


def _link(links: Links, run: ToldRun | None, job: ToldJob | None) -> str | None:
    if links.public_url is None:
        return None
    if run is not None:
        return f"{links.public_url}/runs/{run.id}"
    return f"{links.public_url}/jobs/{quote(job.id)}" if job is not None else links.public_url


def _with_output(message: Message, run: ToldRun | None, stdout: WholeText | None) -> Message:
    """What a run wrote to stdout: within the message where it is short."""
    text = stdout or of_text("" if run is None or run.stdout is None else clean(run.stdout))
    if not text.end.strip():
        return message._replace(output=None, facts=(*message.facts, Fact("Output", "none")))
    if text.chars <= _INLINE:
        return message._replace(output=text.end.strip("\n"))
    name = f"{message.job or 'run'}-{0 if run is None else run.id}.txt"
    return message._replace(output=None, attachment=Attachment(name, text))
