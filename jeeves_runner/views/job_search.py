"""Finding jobs among many: by words, tag, owner and how they are, in an order.

What is looked at of a job, its marks, is made once for each version of its document.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, get_args

from jeeves_runner.core.model import BAD, OUTCOMES
from jeeves_runner.views.jobs import ListedJobDocument

Group = Literal["failing", "running", "waiting", "held", "paused", "muted", "disabled", "never"]
"""What people look for. ``failing``: the last outcome is bad and the job is not disabled; ``never``: no run
has started. A job may be several of them."""

Order = Literal["id", "last", "took", "next"]
"""By id; the last run that started, newest first; how long that took, longest first; the next run, soonest
first. Jobs without one come last."""

GROUPS: Final[tuple[Group, ...]] = get_args(Group)
KINDS: Final = tuple(dict.fromkeys((*GROUPS, "scheduled", *map(str, OUTCOMES), "idle")))
"""All that a job may be: a group, or the ``status`` of its document."""

ORDERS: Final[tuple[Order, ...]] = get_args(Order)

_LATE: Final = "9999"
"""Later than any time."""


class JobMarks(NamedTuple):
    """What jobs are found by."""

    words: str
    """Its id, name, description, tags and owner, folded for comparing, each on a line."""
    tags: Sequence[str]
    """Its tags."""
    owner: str | None
    """Who looks after it."""
    kinds: frozenset[str]
    """What it is, of ``KINDS``."""
    last: str
    """When its last run started; empty: none did."""
    took: int
    """For how many milliseconds that ran; -1: not known."""
    next: str
    """When it runs next; later than any time: never."""


class Wanted(NamedTuple):
    """Which jobs, and in which order."""

    words: Sequence[str] = ()
    """Each stands somewhere in the words of the job; folded for comparing."""
    tag: str | None = None
    """It has this tag."""
    owner: str | None = None
    """It has this owner."""
    kind: str | None = None
    """It is this, of ``KINDS``."""
    order: Order = "id"
    """How they are sorted."""

    @classmethod
    def of(cls, text: str, tag: str, owner: str, kind: str | None, order: Order) -> "Wanted":
        """As a person has written it; what is empty leaves nothing out."""
        return cls(text.casefold().split(), tag or None, owner or None, kind, order)


class FoundJobs(NamedTuple):
    """The jobs that were wanted, and how many there would be otherwise."""

    places: Sequence[int]
    """Where they are in the list that was searched, in their order."""
    of_all: int
    """How many fit whatever they are."""
    by_kind: Mapping[str, int]
    """How many of these are what each of ``KINDS`` says."""


def marks_of(job: ListedJobDocument) -> JobMarks:
    """The marks of a job."""
    tags = tuple(map(str, job["tags"]))  # a row that was changed by hand may hold anything
    texts = (job["id"], job["name"], job["description"] or "", job["owner"] or "", *tags)
    last = job["last_run"]
    return JobMarks(
        words="\n".join(map(str, texts)).casefold(),
        tags=tags,
        owner=job["owner"],
        kinds=_SAME[frozenset(_kinds(job))],
        last="" if last is None else last["started_at"],
        took=-1 if last is None or last["duration_ms"] is None else last["duration_ms"],
        next=job["next_run"] or _LATE,
    )


def find(jobs: Sequence[JobMarks], wanted: Wanted) -> FoundJobs:
    """Those that fit. It looks at what is wanted alone: of 10,000 some milliseconds."""
    fitting = _fitting(jobs, wanted)
    counts: Counter[str] = Counter()
    for kinds, count in Counter(jobs[place].kinds for place in fitting).items():
        counts.update(dict.fromkeys(kinds, count))
    kind = wanted.kind
    places = fitting if kind is None else [place for place in fitting if kind in jobs[place].kinds]
    if (key := _KEYS.get(wanted.order)) is not None:
        places = sorted(places, key=lambda place: key(jobs[place]), reverse=wanted.order != "next")
    return FoundJobs(places, len(fitting), {each: counts[each] for each in KINDS})


def _fitting(jobs: Sequence[JobMarks], wanted: Wanted) -> Sequence[int]:
    places: Sequence[int] = range(len(jobs))
    if wanted.tag is not None:
        places = [place for place in places if wanted.tag in jobs[place].tags]
    if wanted.owner is not None:
        places = [place for place in places if wanted.owner == jobs[place].owner]
    for word in wanted.words:
        places = [place for place in places if word in jobs[place].words]
    return places


def _kinds(job: ListedJobDocument) -> Sequence[str]:
    last, is_on = job["last_run"], job["status"] != "disabled"
    is_in: Mapping[Group, bool] = {
        "failing": is_on and job["last_status"] in BAD,
        "running": last is not None and last["status"] == "running",
        "waiting": job["status"] == "scheduled",
        "held": job["held"],
        "paused": job["paused"] is not None,
        "muted": job["muted"] is not None,
        "disabled": not is_on,
        "never": last is None,
    }
    return [job["status"], *(group for group, is_one in is_in.items() if is_one)]


class _Same(dict[frozenset[str], frozenset[str]]):
    """Gives for equal sets one and the same: there are few of them, and many jobs."""

    def __missing__(self, kinds: frozenset[str]) -> frozenset[str]:
        self[kinds] = kinds
        return kinds


_SAME: Final = _Same()

_KEYS: Final[Mapping[Order, Callable[[JobMarks], str | int]]] = MappingProxyType(
    {"last": lambda job: job.last, "took": lambda job: job.took, "next": lambda job: job.next}
)
