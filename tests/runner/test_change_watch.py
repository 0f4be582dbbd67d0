"""``on_change``: one run once files have changed and rest, whatever is begun again and whatever else runs."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support.db import database
from support.runs import Place, Rig, job, with_runner

from jeeves_runner.core.causes import Causes, causes_from
from jeeves_runner.core.edge_spec import OnChange
from jeeves_runner.core.model import Trigger
from jeeves_runner.db.overrides import pause, resume
from jeeves_runner.db.renames import Rename, rename
from jeeves_runner.db.thread_reads import ThreadReads
from jeeves_runner.runner import change_watch, looks
from jeeves_runner.runner.change_watch import ChangeWatch

SORT = OnChange(of=("in/*.csv",), debounce_ms=200)


class Folder(Place):
    """A place with a folder of files, which start ``sort``."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        (root / "in").mkdir()

    def write_file(self, name: str, text: str = "1") -> None:
        (self.root / "in" / name).write_text(text)

    def taken(self) -> object:
        """What was last seen of the files of ``sort``."""
        return self.value("SELECT fingerprint FROM change_watches WHERE job_id = 'sort'")

    def add_node(self, node: str, path: str) -> None:
        self.conn.execute(
            "INSERT INTO nodes (id, kind, path, spec, spec_hash, file, line, revision_id, created_at,"
            " updated_at) SELECT ?, 'datastore', ?, '{}', '', 'jobs.d/n.yaml', 1, max(id), '', ''"
            " FROM revisions",
            (node, path),
        )

    def add_edge(self, job_id: str, relation: str, node: str) -> None:
        self.conn.execute("INSERT INTO edges VALUES (?, ?, ?)", (job_id, relation, node))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.setattr(change_watch, "_LOOK", 0.02)
    monkeypatch.setattr(looks, "EVERY", 0.05)
    return Folder(tmp_path)


def play(place: Folder, acts: Callable[[Rig], Awaitable[None]], **options: Any) -> None:
    """A runner that watches the files, until the acts are over and nothing runs."""

    async def scenario(rig: Rig) -> None:
        reads = ThreadReads(database(place.path))
        watch = ChangeWatch(
            place.conn, reads, rig.writer, place.clock, root=place.root, entered=rig.runs.look
        )
        task = asyncio.create_task(watch.run())
        try:
            await acts(rig)
            await rig.runs.idle()
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await reads.close()

    with_runner(place, scenario, **options)


async def until_taken(rig: Rig, place: Folder, before: object = None) -> object:
    """Wait until what was seen of the files is otherwise than ``before``."""
    await rig.until(lambda: place.taken() not in (None, before))
    return place.taken()


def causes(place: Folder, job_id: str = "sort") -> list[Causes | None]:
    rows = place.conn.execute("SELECT caused_by FROM runs WHERE job_id = ? ORDER BY id", (job_id,))
    return [None if text is None else causes_from(str(text)) for (text,) in rows.fetchall()]


def test_the_first_look_only_takes_what_it_sees_and_a_change_starts_one_run(place: Folder) -> None:
    place.apply(job("sort", on_change=SORT))
    place.write_file("a.csv")

    async def acts(rig: Rig) -> None:
        await until_taken(rig, place)
        assert place.runs() == []
        place.write_file("b.csv")
        place.write_file("b.csv", "more")
        await rig.until_story("sort", "ok")

    play(place, acts)
    (run,) = place.runs()
    assert (run.trigger, run.depth) == (Trigger.CHANGE, 0)
    assert causes(place) == [Causes(path="in/*.csv")]


def test_people_can_read_since_when_a_change_has_not_started_anything(place: Folder) -> None:
    place.apply(job("sort", on_change=SORT._replace(debounce_ms=600_000)))

    def changed_at() -> object:
        return place.value("SELECT changed_at FROM change_watches WHERE job_id = 'sort'")

    async def acts(rig: Rig) -> None:
        await until_taken(rig, place)
        assert changed_at() is None
        place.write_file("a.csv")
        await rig.until(lambda: changed_at() is not None)

    async def goes_back(rig: Rig) -> None:
        (place.root / "in" / "a.csv").unlink()
        await rig.until(lambda: changed_at() is None)

    play(place, acts)
    play(place, goes_back)
    assert place.runs() == []


def test_what_changes_while_no_runner_runs_is_found_by_the_next_one_once(place: Folder) -> None:
    place.apply(job("sort", on_change=SORT))

    async def looks(rig: Rig) -> None:
        await until_taken(rig, place)

    async def finds(rig: Rig) -> None:
        await rig.until_story("sort", "ok")

    play(place, looks)
    place.write_file("a.csv")
    play(place, finds)
    taken = place.taken()
    play(place, looks)
    assert (place.story("sort"), place.taken()) == (["ok"], taken)


def test_while_it_runs_or_is_paused_nothing_is_taken_and_one_run_follows(place: Folder) -> None:
    place.apply(job("sort", place.held(), on_change=SORT))

    async def acts(rig: Rig) -> None:
        before = await until_taken(rig, place)
        place.write_file("a.csv")
        await rig.until_story("sort", "running")
        first = await until_taken(rig, place, before)
        place.write_file("b.csv")
        with place.write() as tx:
            pause(tx, "sort", until=None, reason=None, by="test")
        place.go()
        await rig.until_story("sort", "ok")
        place.write_file("c.csv")
        assert place.taken() == first
        with place.write() as tx:
            resume(tx, "sort", by="test")
        await rig.until_story("sort", "ok", "ok")

    play(place, acts)


def test_a_change_while_a_declared_writer_runs_is_caused_by_that_run(place: Folder) -> None:
    sort = OnChange(of=("datastore:in",), debounce_ms=200)
    place.apply(job("sort", on_change=sort), job("fetch", f"echo 1 > {place.root}/in/a.csv; {place.held()}"))
    place.apply(job("other", place.held()))
    place.add_node("datastore:in", str(place.root / "in"))
    place.add_edge("fetch", "writes", "datastore:in")

    async def acts(rig: Rig) -> None:
        await until_taken(rig, place)
        await rig.runs.request("other")
        fetch = await rig.runs.request("fetch")
        await rig.until_story("sort", "ok")
        assert causes(place) == [Causes(runs=(fetch.id,), node="datastore:in")]
        place.go()

    play(place, acts)
    assert place.value("SELECT depth FROM runs WHERE job_id = 'sort'") == 1
    assert place.value("SELECT count(*) FROM run_causes") == 1


def test_a_writer_that_has_ended_within_the_debounce_is_the_cause_too(place: Folder) -> None:
    place.apply(job("sort", on_change=SORT), job("fetch", f"echo 1 > {place.root}/in/a.csv"))
    place.add_node("datastore:in", str(place.root / "in/*.csv"))
    place.add_edge("fetch", "writes", "datastore:in")

    async def acts(rig: Rig) -> None:
        await until_taken(rig, place)
        fetch = await rig.finish("fetch")
        await rig.until_story("sort", "ok")
        assert causes(place) == [Causes(runs=(fetch.id,), path="in/*.csv")]

    play(place, acts)


def test_a_job_that_is_disabled_or_watches_something_else_begins_anew(place: Folder) -> None:
    place.apply(job("sort", on_change=SORT))

    async def acts(rig: Rig) -> None:
        before = await until_taken(rig, place)
        place.apply(job("sort", on_change=SORT, enabled=False))
        await rig.until(lambda: place.taken() is None)
        place.write_file("a.csv")
        await rig.runs.on_plan(place.apply(job("sort", on_change=SORT)))
        after = await until_taken(rig, place)
        assert after != before
        wider = OnChange(of=("in/*.csv", "in/*.txt"), debounce_ms=200)
        await rig.runs.on_plan(place.apply(job("sort", on_change=wider)))
        await until_taken(rig, place, after)
        assert place.runs() == []

    play(place, acts)


def test_what_was_seen_follows_a_job_that_gets_another_id(place: Folder) -> None:
    place.apply(job("sort", on_change=SORT))

    async def acts(rig: Rig) -> None:
        await until_taken(rig, place)
        place.write_file("a.csv")
        with place.write() as tx:
            rename(tx, [Rename("sort", "order")], 1)
        await rig.runs.on_plan(place.apply(job("order", on_change=SORT)))
        await rig.until_story("order", "ok")

    play(place, acts)
