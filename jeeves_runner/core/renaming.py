"""Which live jobs get another id, by what their manifests say in ``renamed_from``.

Everything here decides and nothing acts.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from jeeves_runner.core.model import JobSpec
from jeeves_runner.core.plan import Declaration, HoldReasons, Key, LiveRow


class Refused(NamedTuple):
    """A job that is not renamed, or not yet; or, as a warning, one that is what it is already."""

    severity: Literal["error", "warning"]
    """An error makes the plan incomplete."""
    holds: str | None
    """The job that is left as it is until this is settled; None: none is."""
    file: str
    """The manifest that is to be changed, relative to the project root."""
    line: int
    """The line of the job in it, from 1."""
    message: str
    """What is wrong, as a sentence."""
    hint: str
    """What to do."""


@dataclass(slots=True)
class Renames:
    """What becomes of the jobs that say that they had another id."""

    carried: dict[str, str] = field(default_factory=dict)
    """By the new id, the live job that gets it."""
    refused: list[Refused] = field(default_factory=list)
    """What is not done, and why."""


def renames(
    declared: Mapping[Key, Declaration],
    live: Mapping[Key, LiveRow],
    hold: HoldReasons,
    unchanged: Container[str],
) -> Renames:
    """Of the ids that a new job names, the first that is live is carried; the arguments are as of ``diff``.

    One that is declared itself is another job. One whose manifest is broken may be declared there, so that
    the rename waits. A job that is live already takes nothing over.
    """
    found = Renames()
    places = _Places(declared, live, hold, unchanged)
    claims = {claim.id: claim for claim in _claims(declared, live, unchanged)}
    takers: dict[str, list[_Claim]] = {}
    for claim in claims.values():
        if (other := next((old for old in claim.before if places.has(old)), None)) is not None:
            found.refused.append(_both_declared(claim, other, places, claims))
        elif not claim.is_live:
            old = next((old for old in claim.before if ("job", old) in live), None)
            if old is not None:
                takers.setdefault(old, []).append(claim)
        elif claim.is_read:
            found.refused += _too_late(claim, live)
    for old, several in takers.items():
        broken = hold.files.get(live["job", old].file)
        if len(several) > 1:
            found.refused += (_claimed_twice(claim, old, several) for claim in several)
        elif broken is not None:
            found.refused.append(_waits(several[0], old, live["job", old].file, broken))
        else:
            found.carried[several[0].id] = old
    return found


def renamed(specs: Iterable[JobSpec], live: Container[str]) -> dict[str, str]:
    """By the ids that live jobs have, those that they get where nothing but these specs is declared."""
    new = (spec for spec in specs if spec.id not in live)
    found = ((next((old for old in spec.renamed_from if old in live), None), spec.id) for spec in new)
    return {old: name for old, name in found if old is not None}


class _Claim(NamedTuple):
    """A job that says which ids it had before."""

    id: str
    before: tuple[str, ...]
    file: str
    line: int
    is_live: bool
    is_read: bool
    """Whether its manifest was read in this look: else it is known as it was applied."""

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


def _claims(
    declared: Mapping[Key, Declaration], live: Mapping[Key, LiveRow], unchanged: Container[str]
) -> Iterator[_Claim]:
    for (kind, name), want in declared.items():
        if kind == "job" and want.renamed_from:
            yield _Claim(name, want.renamed_from, want.file, want.line, (kind, name) in live, True)
    for (kind, name), row in live.items():
        if row.renamed_from and row.file in unchanged and (kind, name) not in declared:
            yield _Claim(name, row.renamed_from, row.file, row.line, True, False)


class _Places(NamedTuple):
    """Where jobs are declared, as far as that can be read."""

    declared: Mapping[Key, Declaration]
    live: Mapping[Key, LiveRow]
    hold: HoldReasons
    unchanged: Container[str]

    def has(self, name: str) -> bool:
        """Whether a job is declared, be it with mistakes."""
        key = ("job", name)
        row = self.live.get(key)
        known = row is not None and row.file in self.unchanged
        return key in self.declared or key in self.hold.keys or known

    def of(self, name: str) -> tuple[str, int] | None:
        """The manifest and the line; None for one whose mistakes leave no place."""
        want = self.declared.get(("job", name)) or self.live.get(("job", name))
        return None if want is None else (want.file, want.line)


def _both_declared(claim: _Claim, old: str, places: _Places, claims: Mapping[str, _Claim]) -> Refused:
    """The one that has no row yet is not made; of two that are live the one that says so keeps its spec."""
    there = places.of(old)
    old_is_live = ("job", old) in places.live
    where = "" if there is None else f", in {there[0]}:{there[1]}"
    if claim.is_read or there is None:
        message = f"job `{claim.id}` is renamed from `{old}`, which is declared too{where}"
        hint = f"remove `{old}` there; or, if they are two jobs, take `renamed_from` away"
        if old in claims:
            hint = "renames that meet need two applies: give one job an id of no other, apply, and rename on"
        elif claim.is_live:
            hint = f"`{claim.id}` has its id: take `renamed_from` away there, and `{old}` is a new job"
        holds = old if claim.is_live and not old_is_live else claim.id
        return Refused("error", holds, claim.file, claim.line, message, hint)
    message = f"job `{old}` is declared, and `{claim.id}` in {claim.place} is renamed from it"
    hint = f"take `renamed_from` away there if `{old}` is to be a new job"
    return Refused("error", claim.id if old_is_live else old, *there, message, hint)


def _claimed_twice(claim: _Claim, old: str, several: "list[_Claim]") -> Refused:
    others = ", ".join(f"`{each.id}` in {each.place}" for each in several if each is not claim)
    message = f"job `{claim.id}` is renamed from `{old}`, and so is {others}"
    hint = f"`{old}` can become one job only: leave `renamed_from` at the one that goes on with its runs"
    return Refused("error", claim.id, claim.file, claim.line, message, hint)


def _waits(claim: _Claim, old: str, file: str, broken: str) -> Refused:
    message = f"job `{claim.id}` waits: `{old}`, which it is renamed from, may still be declared in {file}"
    return Refused("warning", claim.id, claim.file, claim.line, message, f"fix {file}: {broken}")


def _too_late(claim: _Claim, live: Mapping[Key, LiveRow]) -> Iterator[Refused]:
    """Ids that are live, and that the job cannot take over because it is there already."""
    for old in claim.before:
        if ("job", old) in live:
            message = f"job `{claim.id}` is there already, so that it takes nothing over from `{old}`"
            hint = f"`{old}` is deleted with this, and its runs stay its own"
            yield Refused("warning", None, claim.file, claim.line, message, hint)
