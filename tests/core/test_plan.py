"""The plan: what follows from what is declared, what is live and what is broken."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.difference import diff
from jeeves_runner.core.field_changes import FieldChange
from jeeves_runner.core.plan import (
    Action,
    Change,
    Declaration,
    FileRecord,
    HoldReasons,
    Key,
    LiveRow,
    Moved,
    Plan,
    WaitingFile,
    named_summary,
)


def declaration(name: str, digest: str = "d1", file: str = "jobs.d/a.yaml", line: int = 1) -> Declaration:
    return Declaration(kind="job", id=name, digest=digest, file=file, line=line, text=f'{{"id":"{name}"}}')


def row(digest: str = "d1", file: str = "jobs.d/a.yaml", line: int = 1, drifted: bool = False) -> LiveRow:
    return LiveRow(digest=digest, file=file, line=line, drifted=drifted)


def by_key(*declarations: Declaration) -> dict[Key, Declaration]:
    return {(d.kind, d.id): d for d in declarations}


def actions(changes: tuple[Change, ...]) -> list[str]:
    return [f"{c.action.symbol}{c.id}" for c in changes]


def test_new_changed_and_missing_jobs_become_create_update_and_delete() -> None:
    found = diff(
        by_key(declaration("new"), declaration("same"), declaration("changed", digest="d2")),
        {("job", "same"): row(), ("job", "changed"): row(), ("job", "gone"): row()},
        HoldReasons(),
        complete=True,
    )
    assert actions(found.changes) == ["~changed", "-gone", "+new"]


def test_an_incomplete_plan_deletes_nothing_and_says_what_waits_for_it() -> None:
    found = diff({}, {("job", "gone"): row()}, HoldReasons(), complete=False)
    assert found.changes == ()
    assert found.suspended == (("job", "gone"),)


def test_rows_of_a_broken_file_are_held_and_say_why() -> None:
    found = diff(
        {},
        {("job", "a"): row(file="jobs.d/broken.yaml"), ("job", "b"): row(file="jobs.d/other.yaml")},
        HoldReasons(files={"jobs.d/broken.yaml": "a tab"}),
        complete=False,
    )
    assert [(h.id, h.message) for h in found.held] == [("a", "a tab")]
    assert found.changes == ()


def test_a_job_that_moved_out_of_a_broken_file_is_updated_not_held() -> None:
    found = diff(
        by_key(declaration("a", file="jobs.d/new.yaml")),
        {("job", "a"): row(file="jobs.d/broken.yaml")},
        HoldReasons(files={"jobs.d/broken.yaml": "a tab"}),
        complete=False,
    )
    assert actions(found.changes) == ["~a"]
    assert found.changes[0].fields == (
        FieldChange(path="file", old="jobs.d/broken.yaml", new="jobs.d/new.yaml"),
    )
    assert found.held == ()


def test_a_held_id_keeps_its_live_spec_and_is_not_born() -> None:
    held = HoldReasons(keys={("job", "live"): "twice", ("job", "unborn"): "twice"})
    found = diff(
        by_key(declaration("live", digest="d2"), declaration("unborn")),
        {("job", "live"): row()},
        held,
        complete=False,
    )
    assert found.changes == ()
    assert [h.id for h in found.held] == ["live"]


def test_a_row_changed_by_hand_is_put_back_and_marked_as_drift() -> None:
    found = diff(by_key(declaration("a")), {("job", "a"): row(drifted=True)}, HoldReasons(), complete=True)
    assert [(c.action, c.drift) for c in found.changes] == [(Action.UPDATE, True)]


def test_a_job_that_only_moved_within_its_file_is_no_change() -> None:
    found = diff(by_key(declaration("a", line=7)), {("job", "a"): row(line=1)}, HoldReasons(), complete=True)
    assert found.changes == ()
    assert found.relined == (("job", "a", "jobs.d/a.yaml", 7),)


def test_rows_of_unchanged_files_need_no_declaration() -> None:
    found = diff({}, {("job", "a"): row()}, HoldReasons(), unchanged={"jobs.d/a.yaml"}, complete=True)
    assert found.changes == ()


names = st.text("abcdef", min_size=1, max_size=2)
digests = st.sampled_from(["d1", "d2"])
files = st.sampled_from(["x.yaml", "y.yaml"])
declared_sets = st.dictionaries(names, st.tuples(digests, files), max_size=8)


@given(declared_sets, declared_sets)
def test_applying_a_plan_leaves_nothing_to_plan(
    want: dict[str, tuple[str, str]], have: dict[str, tuple[str, str]]
) -> None:
    declared = by_key(*(declaration(n, digest=d, file=f) for n, (d, f) in want.items()))
    live = {("job", n): row(digest=d, file=f) for n, (d, f) in have.items()}
    for change in diff(declared, live, HoldReasons(), complete=True).changes:
        if change.action is Action.DELETE:
            del live[change.key]
        else:
            live[change.key] = row(digest=change.digest or "", file=change.file)
    assert diff(declared, live, HoldReasons(), complete=True).changes == ()
    assert set(live) == set(declared)


@given(declared_sets, declared_sets, st.sets(names), st.sets(files))
def test_what_is_held_never_changes(
    want: dict[str, tuple[str, str]],
    have: dict[str, tuple[str, str]],
    held_names: set[str],
    broken: set[str],
) -> None:
    declared = by_key(*(declaration(n, digest=d, file=f) for n, (d, f) in want.items()))
    live = {("job", n): row(digest=d, file=f) for n, (d, f) in have.items()}
    hold = HoldReasons(keys={("job", n): "held" for n in held_names}, files=dict.fromkeys(broken, "broken"))
    found = diff(declared, live, hold, complete=True)
    for change in found.changes:
        assert change.id not in held_names
        assert not (change.action is Action.DELETE and live[change.key].file in broken)
    changed = {c.key for c in found.changes}
    assert not changed & {(h.kind, h.id) for h in found.held}


def test_without_the_manifests_that_wait_nothing_is_known_of_their_new_text() -> None:
    def change(action: Action, name: str, file: str) -> Change:
        return Change(action=action, kind="job", id=name, file=file, line=1)

    ours, theirs = "jobs.d/a.yaml", "jobs.d/b.yaml"
    plan = Plan(
        changes=(change(Action.CREATE, "a", ours), change(Action.DELETE, "b", theirs)),
        relined=(Moved("job", "c", ours, 7), Moved("job", "d", theirs, 8)),
        files=(FileRecord(ours, "1", 1), FileRecord(theirs, "2", 1)),
        forgotten=(ours, theirs),
        waiting=(WaitingFile(theirs, "b waits"),),
    )
    believed = plan.without_waiting()
    assert [c.id for c in believed.changes] == ["a"]
    assert [moved.id for moved in believed.relined] == ["c"]
    assert [record.path for record in believed.files] == [ours]
    assert believed.forgotten == (ours,)
    assert plan.why_waiting(plan.changes) == "b waits"
    assert plan.why_waiting(believed.changes) is None


def test_what_an_apply_did_is_told_by_name_of_many_the_first_few() -> None:
    def change(action: Action, name: str, kind: str = "job", renamed_from: str | None = None) -> Change:
        return Change(action=action, kind=kind, id=name, file="a.yaml", line=1, renamed_from=renamed_from)

    changes = (
        change(Action.CREATE, "a"),
        change(Action.CREATE, "mail", "queue"),
        change(Action.UPDATE, "c", renamed_from="b"),
        *(change(Action.DELETE, f"d{n}") for n in range(7)),
    )
    plan = replace(diff({}, {}, HoldReasons(), complete=True), changes=changes)
    assert named_summary(plan) == (
        "created a, queue mail; updated c (was b); deleted d0, d1, d2, d3, d4 and 2 more"
    )
    assert named_summary(replace(plan, changes=changes[:1])) == "created a"
    assert named_summary(replace(plan, changes=())) == "no changes"
