"""Jobs, queues and nodes as they stand elsewhere than in the project's database, for manifests to be compared
with: in a commit, or on a server."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import NamedTuple

from jeeves_runner.core.consequences import LiveTiming, Timing
from jeeves_runner.core.field_changes import changed_fields
from jeeves_runner.core.inheritance import Taken, variables_in
from jeeves_runner.core.live import Delta, Live
from jeeves_runner.core.plan import Change, Key, Plan


class Standing(NamedTuple):
    """What stands there."""

    live: Live
    """As plans are made from it."""
    texts: Mapping[Key, str]
    """Each spec as canonical JSON."""
    namespaces: Mapping[str, str]
    """Where jobs have a namespace that is not their id: it, by id."""

    @classmethod
    def declared(cls, plan: Plan) -> "Standing":
        """What a plan against nothing declares, as if it had been applied."""
        live = Live.nothing().advance(Delta.of(plan, 0))
        return cls(live, {change.key: change.text or "" for change in plan.changes}, {})

    def described(self, plan: Plan) -> Plan:
        """A plan against it with what is to be shown: as ``apply.with_fields`` says it of the database."""
        jobs = {name: text for (kind, name), text in self.texts.items() if kind == "job"}
        by_job = {name: variables for name, text in jobs.items() if (variables := variables_in(text))}
        changes = tuple(self._described(change) for change in plan.changes)
        return replace(plan, changes=changes, taken=Taken(len(jobs), by_job))

    def timings(self, ids: Collection[str] | None) -> dict[str, LiveTiming]:
        """When these of its jobs occur, or all of them, by id."""
        return {
            name: LiveTiming(Timing.of_text(text), self.namespaces.get(name, name))
            for (kind, name), text in self.texts.items()
            if kind == "job" and (ids is None or name in ids)
        }

    def _described(self, change: Change) -> Change:
        old = self.texts.get((change.kind, change.live_id))
        if old is None or change.text is None:
            return change
        return change.with_fields(changed_fields(old, change.text))
