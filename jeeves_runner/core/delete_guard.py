"""Which deletes of a plan look like a mistake until a person confirms them.

``guard`` names them with the reasons. A command then refuses the whole plan; a server applies the rest.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple

from jeeves_runner.core.plan import Action, Key, Plan
from jeeves_runner.core.wording import counted

MEMORY: Final = timedelta(minutes=10)
"""How far back deletes count, so that a folder which is emptied file by file is noticed as well."""

_ALWAYS: Final = 5
"""So many jobs may go, however few there are, as long as it is not more than half of them."""
_SHARE: Final = 5
"""One job in so many may go."""
_FEW: Final = 2
"""Of so few jobs all may go."""


class Confirmed(NamedTuple):
    """What a person has confirmed."""

    deletes: int | None = None
    """At most so many deletes, of jobs and queues together; None: no number was given."""
    queues: frozenset[str] = frozenset()
    """The queues that may go with the items they hold."""

    def joined(self, other: "Confirmed") -> "Confirmed":
        """What both confirm; the number is the other's, if it has one."""
        deletes = self.deletes if other.deletes is None else other.deletes
        return Confirmed(deletes, self.queues | other.queues)


NOTHING_CONFIRMED: Final = Confirmed()
"""No person was asked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GuardFacts:
    """What the guard must know besides the plan."""

    live: frozenset[str]
    """The jobs that are live now."""
    gone: frozenset[str] = frozenset()
    """The jobs that were live at some time within ``MEMORY``, and are not now."""
    busy_queues: frozenset[str] = frozenset()
    """The queues to be deleted that hold pending or claimed items."""


class Refusal(NamedTuple):
    """Deletes that are not carried out until they are confirmed."""

    keys: tuple[Key, ...]
    """The deletes."""
    reason: str
    """What speaks against them, as a sentence."""
    confirmed_by: Confirmed | None
    """What confirms them; None if nothing does."""

    @property
    def wants_a_number(self) -> bool:
        """Whether a number of deletes confirms them, which a commit may give as well."""
        return self.confirmed_by is not None and self.confirmed_by.deletes is not None


def guard(plan: Plan, facts: GuardFacts, confirmed: Confirmed = NOTHING_CONFIRMED) -> tuple[Refusal, ...]:
    """What a person must confirm before the plan's deletes are applied.

    Where the whole looks like a mistake, that is all deletes in one. Else it is each queue that holds items.
    Nodes are no part of any number, and wait only with the whole.
    """
    deletes = plan.of(Action.DELETE)
    if not deletes:
        return ()
    keys = tuple(c.key for c in deletes)
    to_confirm = tuple(key for key in keys if key[0] != "node")
    what = _counted(keys)
    if plan.manifests == 0:
        reason = (
            f"no manifest was found, and {what} would be deleted; "
            "a manifest that says `jobs: []` declares that there are none"
        )
        return (Refusal(keys, reason, None),)
    busy = tuple(
        Refusal((key,), f"queue {key[1]} still holds items", Confirmed(queues=frozenset({key[1]})))
        for key in keys
        if key[0] == "queue" and key[1] in facts.busy_queues - confirmed.queues
    )
    if confirmed.deletes is None:
        too_many = _over_budget(plan, facts)
    elif len(to_confirm) > confirmed.deletes:
        too_many = f"{_counted(to_confirm)} would be deleted, more than the {confirmed.deletes} allowed"
    else:
        too_many = None
    if too_many is None:
        return busy
    return (Refusal(keys, too_many, Confirmed(len(to_confirm))), *busy)


def _over_budget(plan: Plan, facts: GuardFacts) -> str | None:
    """Why so many jobs at once look like a mistake, or None.

    Ids are counted and not events: a job that went and came back has not been lost.
    """
    going = {c.id for c in plan.of(Action.DELETE, "job")}
    if not going:
        return None
    lost = (facts.gone - {c.id for c in plan.of(Action.CREATE, "job")}) | going
    known = len(facts.live | facts.gone)
    over_share = len(lost) > max(_ALWAYS, known // _SHARE)
    over_half = known > _FEW and len(lost) * 2 > known
    if not (over_share or over_half):
        return None
    before = len(lost - going)
    lately = f" ({before:,} more went in the last ten minutes)" if before else ""
    what = _counted([c.key for c in plan.of(Action.DELETE)])
    return (
        f"{what} would be deleted, where {len(facts.live):,} {_plural('job', len(facts.live))} live{lately}"
    )


def confirmation(refusals: Iterable[Refusal], confirmed: Confirmed = NOTHING_CONFIRMED) -> str | None:
    """The command that confirms all of them, and what has been confirmed already; None if none does."""
    needed = [refusal.confirmed_by for refusal in refusals]
    for each in needed:
        if each is None:
            return None
        confirmed = confirmed.joined(each)
    number = [] if confirmed.deletes is None else [f"--allow-deletes {confirmed.deletes}"]
    queues = [f"--allow-delete queue:{name}" for name in sorted(confirmed.queues)]
    return " ".join(("jeeves-runner apply", *number, *queues)) if needed else None


def explained(refusals: Iterable[Refusal], confirmed: Confirmed = NOTHING_CONFIRMED) -> str:
    """The reasons in one sentence, with the command that confirms all of them."""
    refused = list(refusals)
    reasons = "; ".join(refusal.reason for refusal in refused)
    command = confirmation(refused, confirmed)
    return reasons if command is None else f"{reasons}; confirm with `{command}`"


def _counted(keys: Iterable[Key]) -> str:
    """``3 jobs``, ``3 jobs and 1 queue`` or ``3 jobs, 1 queue and 2 nodes``."""
    kinds = [kind for kind, _ in keys]
    counts = [(kind, kinds.count(kind)) for kind in ("job", "queue", "node")]
    *most, last = [counted(count, kind) for kind, count in counts if count]
    return f"{', '.join(most)} and {last}" if most else last


def _plural(kind: str, count: int) -> str:
    return f"{kind} is" if count == 1 else f"{kind}s are"
