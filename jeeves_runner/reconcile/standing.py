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

    @classmethod
    def declared(cls, plan: Plan, namespaces: Mapping[str, str]) -> "Standing":
        """What a plan against nothing declares, as if applied where jobs have these namespaces."""
        live = Live.nothing().advance(Delta.of(plan, 0))._replace(namespaces=dict(namespaces))
        return cls(live, {change.key: change.text or "" for change in plan.changes})

    def described(self, plan: Plan) -> Plan:
        """A plan against it with what is to be shown: as ``apply.with_fields`` says it of the database."""
        jobs = {name: text for (kind, name), text in self.texts.items() if kind == "job"}
        by_job = {name: variables for name, text in jobs.items() if (variables := variables_in(text))}
        changes = tuple(self._described(change) for change in plan.changes)
        return replace(plan, changes=changes, taken=Taken(len(jobs), by_job))

    def timings(self, ids: Collection[str] | None) -> dict[str, LiveTiming]:
        """When these jobs occur there, or all that it has, by id."""
        names = self.live.names()
        texts = {name: text for (kind, name), text in self.texts.items() if kind == "job"}
        return {
            name: LiveTiming(Timing.of_text(texts[name]) if name in texts else None, names.of(name))
            for name in (texts if ids is None else ids)
        }

    def _described(self, change: Change) -> Change:
        old = self.texts.get((change.kind, change.live_id))
        if old is None or change.text is None:
            return change
        return change.with_fields(changed_fields(old, change.text))
