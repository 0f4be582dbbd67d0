"""What starts a job besides its schedule, how far that has come, and what holds it back."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from jeeves_runner.core.durations import format_duration
from jeeves_runner.core.edge_spec import LONGEST_REST_MS
from jeeves_runner.core.model import RunStatus, Trigger
from jeeves_runner.core.why.answer import About, Part
from jeeves_runner.core.why.facts import JobFacts
from jeeves_runner.core.why.start_facts import ChangeStart, QueueStart, Upstream
from jeeves_runner.core.why.words import distance, pause_words, told
from jeeves_runner.core.wording import counted

_ACTIVE: Final = (RunStatus.SCHEDULED, RunStatus.RUNNING)
_LONGEST_REST: Final = format_duration(LONGEST_REST_MS)
_DOES_NOT_COUNT: Final = "which does not count"


def starts(facts: JobFacts, now: datetime) -> Iterator[Part]:
    """What starts the job besides its schedule; nothing, if nothing does."""
    if facts.starts.after:
        yield from _after(facts, facts.starts.after)
    if facts.starts.queue is not None:
        yield from _queue(facts, facts.starts.queue, now)
    if facts.starts.change is not None:
        yield from _change(facts, facts.starts.change, now)


def _after(facts: JobFacts, upstreams: tuple[Upstream, ...]) -> Iterator[Part]:
    begin = f"It comes after {_listed(each.job for each in upstreams)}"
    lacking = [each for each in upstreams if not each.ends]
    if lacking:
        has = "has" if len(lacking) == 1 else "have each"
        ok = " ok" if lacking[0].qualifies == "ok" else ""
        words = f"{begin}, and starts once {_listed(each.job for each in lacking)} {has} ended{ok} anew."
        yield Part(About.NEXT, " ".join((words, *map(_last_of, lacking))))
        return
    held = _held(facts, one_at_a_time=facts.starts.one_at_a_time)
    if held is None:
        yield Part(About.NEXT, f"{begin}, and follows as soon as it may: what it waits for has ended.")
        return
    yield Part(About.NEXT, f"{begin}, and what it waits for has ended.")
    yield Part(About.WAIT, f"{held} nothing is consumed; then one run follows all of it.")


def _last_of(upstream: Upstream) -> str:
    """Why the newest run of a job is no end that another one waits for."""
    job, run = upstream.job, upstream.last
    if run is None:
        return f"No run of {job} is recorded."
    name = f"Run {run.id} of {job}"
    if run.status in _ACTIVE:
        return f"{name} is not over."
    if run.trigger is Trigger.BACKFILL:
        return f"{name} was of a backfill, {_DOES_NOT_COUNT}."
    if run.status in (RunStatus.SKIPPED, RunStatus.MISSED):
        return f"{name} was {run.status}, {_DOES_NOT_COUNT}."
    if run.started_at is None or (upstream.qualifies == "ok" and run.status is not RunStatus.OK):
        verb = "was" if run.status is RunStatus.CANCELLED else "ended"
        return f"{name} {verb} {run.status}, {_DOES_NOT_COUNT}: `jeeves-runner why {job} {run.id}`."
    return f"{name} ended {run.status}, and counts no more: it was followed, or is older than this `after`."


def _queue(facts: JobFacts, queue: QueueStart, now: datetime) -> Iterator[Part]:
    name, zone = f"queue {queue.queue}", facts.zone
    begin = f"It starts as soon as an item of {name} is ready"
    if queue.batch > 1:
        items = f"{queue.batch:,} items of {name} are ready"
        begin = f"It starts once {items}, or the oldest has been for {_length(queue.max_wait)}"
    held = _held(facts, one_at_a_time=True)
    yield Part(About.NEXT, f"{begin}: {_items(facts, queue, now, is_held=held is not None)}.")
    if queue.failed and queue.due_at is None:
        have = counted(queue.failed, "item of it has", "items of it have")
        ends, them = ("starts", "it") if queue.failed == 1 else ("start", "them")
        shown = f"`jeeves-runner queue peek {queue.queue} --failed` shows {them}"
        again = f"`jeeves-runner queue retry` makes {them} ready"
        yield Part(About.STATE, f"{have} failed for good, and {ends} nothing before {again}; {shown}.")
    if queue.rests_until is not None:
        yield Part(
            About.WAIT,
            "The job rests, because its last run did not end ok or completed no item, until"
            f" {told(queue.rests_until, zone)}, {distance(queue.rests_until, now)}. Each run like that"
            f" doubles it, up to {_LONGEST_REST}; `jeeves-runner trigger {facts.id}` does not wait for that.",
        )
    if queue.pause is not None:
        words = pause_words(queue.pause, zone, f"Queue {queue.queue}")
        yield Part(About.PAUSE, f"{words} `jeeves-runner queue resume {queue.queue}` ends that.")
    if _is_due(queue, now) and held is not None:
        yield Part(About.WAIT, f"{held} items start nothing.")


def _is_due(queue: QueueStart, now: datetime) -> bool:
    return queue.due_at is not None and queue.due_at <= now


def _items(facts: JobFacts, queue: QueueStart, now: datetime, *, is_held: bool) -> str:
    """Whether the items that are ready are enough, or when they will be."""
    if _is_due(queue, now):
        words = f"{'one is' if queue.batch == 1 else 'that is so'} now"
        if not facts.served:
            return f"{words}, and no server runs"
        is_held = is_held or queue.pause is not None or queue.rests_until is not None
        return words if is_held else f"{words}, and it starts at once"
    if queue.due_at is not None:
        at = f"{told(queue.due_at, facts.zone)}, {distance(queue.due_at, now)}"
        return f"{counted(queue.ready, 'is', 'are')} ready, and that is enough at {at}"
    if queue.next_at is not None:
        at = f"{told(queue.next_at, facts.zone)}, {distance(queue.next_at, now)}"
        return f"none is, and the next one is at {at}"
    if queue.lease_at is not None:
        at = f"{told(queue.lease_at, facts.zone)}, {distance(queue.lease_at, now)}"
        return f"none is, and the first claim ends at {at}, if it is not answered before"
    return f"none is, and `jeeves-runner queue push {queue.queue}` adds one"


def _change(facts: JobFacts, change: ChangeStart, now: datetime) -> Iterator[Part]:
    zone, rest = facts.zone, _length(change.debounce)
    watched = _listed(change.of, "or")
    begin = f"It starts when {watched} has changed, and has rested for {rest} since"
    for of, why in change.unwatched.items():
        yield Part(
            About.STATE, f"Changes of {of} do not start it: {why}, so give its node a `path` of files."
        )
    if len(change.unwatched) == len(change.of):
        yield Part(About.NEXT, f"{begin}.")
    elif change.taken_at is None:
        yield Part(About.NEXT, f"{begin}: no server has looked at it yet, and the first look starts nothing.")
    elif change.changed_at is None:
        since = f"{told(change.taken_at, zone)}, {distance(change.taken_at, now)}"
        looks = "" if facts.served else ", and no server looks"
        yield Part(About.NEXT, f"{begin}: no change has been seen since {since}{looks}.")
    else:
        since = f"{told(change.changed_at, zone)}, {distance(change.changed_at, now)}"
        yield Part(About.NEXT, f"{begin}: it began to change at {since}, and has not started it yet.")
        held = _held(facts, one_at_a_time=facts.starts.one_at_a_time)
        if held is not None:
            yield Part(About.WAIT, f"{held} the change starts nothing.")


def _held(facts: JobFacts, *, one_at_a_time: bool) -> str | None:
    """What holds back a run that would start, as the beginning of a sentence; None: nothing does."""
    if facts.pause is not None:
        return "While the job is paused"
    if facts.starts.active is not None and one_at_a_time:
        return f"Until run {facts.starts.active} of the job is over"
    return None


def _length(span: timedelta) -> str:
    return format_duration(span // timedelta(milliseconds=1))


def _listed(names: Iterable[str], word: str = "and") -> str:
    *others, last = names
    return f"{', '.join(others)} {word} {last}" if others else last
