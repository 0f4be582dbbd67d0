"""The list of jobs as JSON at one moment, made of the list before: what is as it was is not encoded anew."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple

import apsw

from jeeves_runner.api.responses import encode
from jeeves_runner.api.spool import IN_MEMORY
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.job_signs import Beside, job_signs
from jeeves_runner.db.overrides import next_change
from jeeves_runner.views.job_search import JobMarks, marks_of
from jeeves_runner.views.jobs import JobState, JobStates
from jeeves_runner.views.occurrences import Moments, NextRun

_FEW: Final = 4
"""Where more than one in so many jobs are others, all are read in one go."""

_AT_ONCE: Final = 64
"""Jobs that are put together at a time."""

_BEGIN: Final = b'{"jobs":['
_END: Final = b"]}"


class JobText(NamedTuple):
    """One job as JSON."""

    state: int
    """The hash of what else it is made of, besides its sign and what stands beside the jobs."""
    text: bytes
    """The document."""
    marks: JobMarks
    """What it is found by."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobTexts:
    """The list at one moment."""

    tag: str
    """Its version: another one if anything of it is another."""
    ids: Sequence[str]
    """The ids of the jobs, in order."""
    signs: Sequence[int]
    """The hashes of their signs, keyed anew in each process: two share one in 2**64 cases."""
    beside: Beside
    """What other tables said of them."""
    texts: Sequence[JobText]
    """The jobs, likewise."""
    whole: bytes | None
    """The document of all; None where that is too much for the memory."""
    moves: int | None
    """The changes of the timetable before it was read, where that alone said what was to come."""

    @property
    def marks(self) -> Sequence[JobMarks]:
        """What each job is found by, in order."""
        return [text.marks for text in self.texts]

    def document(self, after: str | None = None, limit: int | None = None) -> Iterator[bytes]:
        """``{jobs}`` part by part: those ``after`` an id, up to ``limit``; ``next_cursor`` if more follow."""
        first = 0 if after is None else bisect_right(self.ids, after)
        end = len(self.ids) if limit is None else min(first + limit, len(self.ids))
        yield _BEGIN
        for start in range(first, end, _AT_ONCE):
            portion = [text.text for text in self.texts[start : min(start + _AT_ONCE, end)]]
            yield (b"," if start > first else b"") + b",".join(portion)
        yield _END if end == len(self.ids) else b'],"next_cursor":' + encode(self.ids[end - 1]) + b"}"


class JobsNow(NamedTuple):
    """What decides a list of jobs, besides the database."""

    at: datetime
    """The time."""
    moves: int
    """The changes of the timetable."""
    late: Moments
    """The jobs that catch up."""
    next_run: NextRun
    """The timetable."""


def read_texts(
    conn: apsw.Connection, now: JobsNow, before: JobTexts | None, tag: str
) -> tuple[JobTexts, datetime | None]:
    """The list, with this ``tag`` if it is not as before; and when the time alone makes another of it, None:
    never."""
    with snapshot(conn):
        until = next_change(conn, now.at)
        states = JobStates(conn, now.at, now.next_run, now.late)
        moves = now.moves if states.are_plain else None
        signs, beside = job_signs(conn), Beside.read(conn)
        moved = frozenset() if before is None else beside.moved(conn, before.beside)
        ids, hashes = [sign[0] for sign in signs], list(map(hash, signs))
        if (
            before is not None
            and moved is not None
            and moves is not None
            and moves == before.moves
            and ids == before.ids
        ):
            # As most often: a job is another only by its sign, or by what was found to have moved.
            places = {*_differing(hashes, before.signs), *_places(ids, moved)}
            texts = list(before.texts)
            for place, made in _made(states, ids, {place: states.of(signs[place]) for place in places}):
                texts[place] = made
        else:
            known = _known(before, moved)
            kept: dict[int, JobText] = {}
            news: dict[int, JobState] = {}
            for place, sign in enumerate(signs):
                state, earlier = states.of(sign), known.get(ids[place])
                if earlier is not None and earlier.is_of(hashes[place], state):
                    kept[place] = earlier.text
                else:
                    news[place] = state
                if state.pause is not None or state.skips:
                    until = _earlier(until, state.holds_until(sign, now.at))
            kept.update(_made(states, ids, news))
            texts = [kept[place] for place in range(len(ids))]
    found = JobTexts(tag=tag, ids=ids, signs=hashes, beside=beside, texts=texts, whole=None, moves=moves)
    if before is not None and texts == before.texts:
        return replace(found, tag=before.tag, whole=before.whole), until
    return replace(found, whole=_whole(texts)), until


class _Known(NamedTuple):
    """What is known of a job."""

    sign: int
    """The hash of its sign."""
    text: JobText
    """Its document."""

    def is_of(self, sign: int, state: JobState) -> bool:
        """Whether it is still so."""
        return self.sign == sign and self.text.state == hash(state)


def _known(before: JobTexts | None, moved: Collection[str] | None) -> Mapping[str, _Known]:
    """What is known of the jobs that have not ``moved``; None: any may have."""
    if before is None or moved is None:
        return {}
    known = zip(before.ids, map(_Known, before.signs, before.texts), strict=True)
    return {job_id: job for job_id, job in known if job_id not in moved}


def _places(ids: Sequence[str], some: Iterable[str]) -> Iterator[int]:
    """Where those of ``some`` that are there stand in ``ids``, which is sorted."""
    for each in some:
        place = bisect_left(ids, each)
        if place < len(ids) and ids[place] == each:
            yield place


def _differing(some: Sequence[int], others: Sequence[int]) -> Iterator[int]:
    """The places at which two sequences of the same length differ."""
    return (place for place, (one, other) in enumerate(zip(some, others, strict=True)) if one != other)


def _made(
    states: JobStates, ids: Sequence[str], news: Mapping[int, JobState]
) -> Iterator[tuple[int, JobText]]:
    """The texts of the jobs that are others, by their places."""
    if not news:
        return
    places = {ids[place]: place for place in news}
    for listed in states.listed(list(places) if len(news) * _FEW < len(ids) else None):
        place = places.get(listed.columns["id"])
        if place is not None:
            state = news[place]
            document = state.document(listed)
            yield place, JobText(hash(state), encode(document), marks_of(document))


def _whole(texts: Sequence[JobText]) -> bytes | None:
    """The document, put together in one step: each further one would copy a megabyte. None if it is larger
    than what is kept in memory."""
    parts = [text.text for text in texts]
    if sum(map(len, parts)) + len(parts) > IN_MEMORY:
        return None
    parts = parts or [b""]
    parts[0] = _BEGIN + parts[0]
    parts[-1] += _END
    return b",".join(parts)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """The earlier of two times, of which None never comes."""
    return one or other if one is None or other is None else min(one, other)
