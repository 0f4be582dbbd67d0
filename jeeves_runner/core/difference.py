"""From what the manifests declare and what is live to the plan that brings one to the other."""

import json
from collections.abc import Container, Mapping
from dataclasses import replace

from jeeves_runner.core.edge_spec import edges_in, traits_in
from jeeves_runner.core.field_changes import FieldChange
from jeeves_runner.core.inheritance import variables_in
from jeeves_runner.core.plan import Action, Change, Declaration, Held, HoldReasons, Key, LiveRow, Moved, Plan


def diff(
    declared: Mapping[Key, Declaration],
    live: Mapping[Key, LiveRow],
    hold: HoldReasons,
    *,
    unchanged: Container[str] = frozenset(),
    carried: Mapping[str, str] | None = None,
    complete: bool,
) -> Plan:
    """The ``changes``, ``relined``, ``held`` and ``suspended`` rows on the way from ``live`` to ``declared``.

    The plan's other fields are for the caller to fill in. Rows of files in ``unchanged`` are as their
    manifest says and need no declaration. A row in ``hold.keys`` keeps its spec, declared or not; if it
    was changed by hand, it is put back as its last good spec says. ``carried``: the live
    jobs that get another id, by that one, as ``renaming`` finds them; such a one is neither deleted nor held.
    With ``complete`` false nothing is deleted: what seems to be missing may stand in the file that could not
    be read.
    """
    before = carried or {}
    going = {("job", old) for old in before.values()}
    changes, held, missing = _of_live_rows(declared, live, hold, unchanged, going)
    if complete:
        changes += (_delete(key, live[key]) for key in missing)
    relined: list[Moved] = []
    for key, want in declared.items():
        have = live.get(key)
        if key in hold.keys:
            continue
        if have is None and key[0] == "job" and key[1] in before:
            changes.append(_renamed(want, before[key[1]], live))
        elif have is None:
            changes.append(_create(want))
        elif have.drifted or have.digest != want.digest or have.file != want.file:
            changes.append(_update(want, have))
        elif have.line != want.line:
            relined.append(Moved(*key, want.file, want.line))
    changes.sort(key=_by_key)
    held.sort(key=_by_key)
    return Plan(
        complete=complete,
        changes=tuple(changes),
        held=tuple(held),
        suspended=() if complete else tuple(sorted(missing)),
        relined=tuple(relined),
    )


def _of_live_rows(
    declared: Container[Key],
    live: Mapping[Key, LiveRow],
    hold: HoldReasons,
    unchanged: Container[str],
    going: Container[Key],
) -> tuple[list[Change], list[Held], list[Key]]:
    """Which live rows are put back, which stay only because they are held, and which are declared no more."""
    changes: list[Change] = []
    held: list[Held] = []
    missing: list[Key] = []
    for key, row in live.items():
        if key in going:
            continue
        reason = hold.keys.get(key)
        if reason is None and key not in declared:
            if row.file in unchanged:
                continue
            reason = hold.files.get(row.file)
            if reason is None:
                missing.append(key)
        if reason is not None:
            held.append(Held(kind=key[0], id=key[1], file=row.file, message=reason))
            if row.text is not None:
                changes.append(_restored(key, row, row.text))
    return changes, held, missing


def _by_key(thing: Change | Held) -> Key:
    return (thing.kind, thing.id)


def _create(want: Declaration) -> Change:
    return Change(
        action=Action.CREATE,
        kind=want.kind,
        id=want.id,
        file=want.file,
        line=want.line,
        text=want.text,
        digest=want.digest,
        scripts=want.scripts,
        edges=want.edges,
        traits=want.traits,
        takes=variables_in(want.text),
    )


def _update(want: Declaration, have: LiveRow) -> Change:
    moved = (FieldChange(path="file", old=have.file, new=want.file),) if have.file != want.file else ()
    return replace(_create(want), action=Action.UPDATE, drift=have.drifted, fields=moved)


def _renamed(want: Declaration, old: str, live: Mapping[Key, LiveRow]) -> Change:
    return replace(_update(want, live["job", old]), renamed_from=old)


def _delete(key: Key, row: LiveRow) -> Change:
    return Change(action=Action.DELETE, kind=key[0], id=key[1], file=row.file, line=row.line)


def _restored(key: Key, row: LiveRow, text: str) -> Change:
    values = json.loads(text)
    return Change(
        action=Action.UPDATE,
        kind=key[0],
        id=key[1],
        file=row.file,
        line=row.line,
        drift=True,
        text=text,
        digest=row.digest,
        scripts=row.scripts,
        edges=edges_in(values) if key[0] == "job" else (),
        traits=traits_in(values),
        takes=variables_in(text),
    )
