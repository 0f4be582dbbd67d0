"""What every kind of source keeps: the folder, and a tree in git that is read without a checkout."""

import asyncio
import pickle
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support.git_tree import GitTree, git

from jeeves_runner.clock import SystemClock
from jeeves_runner.core.manifest.budget import MAX_SIZE
from jeeves_runner.core.origin import SourceId, SourceKind
from jeeves_runner.errors import SourceError
from jeeves_runner.sources.contract import Snapshot, Source, Watch
from jeeves_runner.sources.folder.source import FolderSource

PATIENCE = 30


class Origin:
    """A project with manifests, in a folder and in git; ``source`` reads it in one of these ways."""

    def __init__(self, root: Path, kind: SourceKind) -> None:
        self.root = root
        self.jobs = root / "jobs.d"
        self.jobs.mkdir(parents=True)
        git(root, "init", "-q")
        self.source: Source = (
            FolderSource(folder=self.jobs, root=root)
            if kind is SourceKind.FOLDER
            else GitTree(repo=root / ".git")
        )
        self.write("a.yaml", "run: echo a\n")
        self.save("Declare a")

    def write(self, name: str, text: str) -> None:
        path = self.jobs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def save(self, subject: str = "Change") -> str:
        """Commit all there is; the hash of the commit."""
        git(self.root, "add", "-A")
        git(self.root, "commit", "-qm", subject)
        return git(self.root, "rev-parse", "HEAD")


@pytest.fixture(params=SourceKind, ids=str)
def origin(request: pytest.FixtureRequest, tmp_path: Path) -> Origin:
    return Origin(tmp_path / "project", request.param)


def paths(seen: Snapshot) -> list[str]:
    return [file.path for file in seen.files]


def problems(seen: Snapshot) -> list[tuple[str, str]]:
    return sorted((problem.file, problem.code) for problem in seen.unreadable)


def test_all_kinds_see_the_same(tmp_path: Path) -> None:
    origin = Origin(tmp_path, SourceKind.FOLDER)
    for name in ("b.yml", "team/c.yaml", "team/deep/d.yaml", ".e.yaml", "_f.yaml", "_old/g.yaml", "h.txt"):
        origin.write(name, f"run: echo {name}\n")
    for name in ("_defaults.yaml", "team/_defaults.yml", "_old/_defaults.yaml", "odd.yaml/i.yaml"):
        origin.write(name, "defaults: {}\n")
    origin.write("big.yaml", "x" * (MAX_SIZE + 100))
    (origin.jobs / "linked.yaml").symlink_to("team/c.yaml")
    (origin.jobs / "lost.yaml").symlink_to("nowhere")
    (origin.jobs / "lost").symlink_to("nowhere")
    (origin.jobs / "n\udcff.yaml").write_text("run: echo n\n")
    origin.save()
    folder, tree = origin.source.look(), GitTree(repo=tmp_path / ".git").look()
    assert paths(folder) == [
        *("jobs.d/a.yaml", "jobs.d/b.yml", "jobs.d/big.yaml", "jobs.d/linked.yaml"),
        *("jobs.d/team/c.yaml", "jobs.d/team/deep/d.yaml"),
    ]
    assert problems(folder) == [
        ("jobs.d/lost", "unreadable"),
        ("jobs.d/lost.yaml", "unreadable"),
        ("jobs.d/n\\xff.yaml", "file_name"),
        ("jobs.d/odd.yaml", "folder_named_as_manifest"),
    ]
    assert (folder.files, folder.defaults) == (tree.files, tree.defaults)
    assert problems(folder) == problems(tree)


def test_one_manifest_is_seen_as_a_look_sees_it(origin: Origin) -> None:
    for name in ("b.yaml", "team/c.yaml", "team/deep/d.yaml"):
        origin.write(name, f"run: echo {name}\n")
    for name in ("_defaults.yaml", "team/deep/_defaults.yml", "teams/_defaults.yaml"):
        origin.write(name, "defaults: {}\n")
    origin.save()
    seen = origin.source.look()
    for file in seen.files:
        one = origin.source.look_at(file.path)
        above = [
            each for each in seen.defaults if f"{file.path}/".startswith(each.path.rpartition("/")[0] + "/")
        ]
        assert (one.files, one.defaults, one.unreadable) == ((file,), tuple(above), ())


@pytest.mark.parametrize(
    "path", ["jobs.d/no.yaml", "a.yaml", "jobs.d/../a.yaml", "jobs.d/.e.yaml", "jobs.d/_defaults.yaml", ""]
)
def test_what_is_no_manifest_is_not_read(origin: Origin, path: str) -> None:
    (origin.root / "a.yaml").write_text("run: echo beside\n")
    origin.write(".e.yaml", "run: echo e\n")
    origin.write("_defaults.yaml", "defaults: {}\n")
    origin.save()
    with pytest.raises(FileNotFoundError):
        origin.source.look_at(path)


def test_a_look_changes_nothing_and_tells_the_same_again(origin: Origin) -> None:
    assert origin.source.look() == origin.source.look()


def test_a_look_sees_what_has_changed(origin: Origin) -> None:
    origin.write("b.yaml", "run: echo b\n")
    (origin.jobs / "a.yaml").write_text("run: echo A\n")
    origin.save()
    assert [(f.path, f.data) for f in origin.source.look().files] == [
        ("jobs.d/a.yaml", b"run: echo A\n"),
        ("jobs.d/b.yaml", b"run: echo b\n"),
    ]


def test_what_cannot_be_read_is_a_problem_and_the_rest_is_there(origin: Origin) -> None:
    (origin.jobs / "b.yaml").symlink_to("nowhere.yaml")
    origin.save()
    seen = origin.source.look()
    assert (paths(seen), problems(seen)) == (["jobs.d/a.yaml"], [("jobs.d/b.yaml", "unreadable")])
    assert all(problem.is_error and problem.message for problem in seen.unreadable)


def test_a_source_that_is_not_there_is_an_error_and_not_empty(origin: Origin) -> None:
    shutil.rmtree(origin.root)
    for act in (origin.source.check, origin.source.look):
        with pytest.raises(SourceError) as caught:
            act()
        assert caught.value.hint


def test_manifests_that_are_all_gone_are_an_error_and_not_empty(origin: Origin) -> None:
    origin.source.check()
    shutil.rmtree(origin.jobs)
    origin.save()
    with pytest.raises(SourceError, match=r"jobs\.d"):
        origin.source.look()


def test_it_can_be_sent_to_another_process_and_what_it_leaves_comes_back(origin: Origin) -> None:
    there: Source = pickle.loads(pickle.dumps(origin.source))
    assert there.identity == origin.source.identity
    seen = pickle.loads(pickle.dumps(there.look()))
    assert seen == origin.source.look()
    commit = origin.source.commit(seen.trace)
    assert commit is not None
    assert commit.subject == "Declare a"


def test_it_stays_the_same_source_whatever_it_holds(origin: Origin) -> None:
    before = origin.source.identity
    assert before.location.startswith("/")
    origin.write("b.yaml", "run: echo b\n")
    origin.save()
    assert origin.source.identity == before
    assert origin.source.is_same(before)


def test_it_is_no_source_of_another_place_or_kind(origin: Origin, tmp_path: Path) -> None:
    (kind, location), here = origin.source.identity, origin.source
    other = Origin(tmp_path / "other", kind).source
    assert not here.is_same(other.identity)
    assert not any(here.is_same(SourceId(kind=k, location=location)) for k in SourceKind if k is not kind)


def test_the_commit_is_the_one_that_was_looked_at(origin: Origin) -> None:
    origin.write("b.yaml", "run: echo b\n")
    sha = origin.save("Declare b")
    trace = origin.source.look().trace
    commit = origin.source.commit(trace)
    assert commit is not None
    assert (commit.sha, commit.author, commit.subject) == (sha, "Ann <ann@example.org>", "Declare b")


def test_a_change_after_the_look_is_not_taken_for_what_was_looked_at(origin: Origin) -> None:
    """A folder that differs from its commit says so; a tree in git is what it was."""
    sha = git(origin.root, "rev-parse", "HEAD")
    trace = origin.source.look().trace
    origin.write("b.yaml", "run: echo b\n")
    commit = origin.source.commit(trace)
    assert commit is not None
    assert commit.sha in (sha, sha + "+dirty")


@asynccontextmanager
async def following(watch: Watch) -> AsyncIterator[asyncio.Event]:
    """Sets the event at each hint."""
    heard = asyncio.Event()
    task = asyncio.create_task(watch.follow(heard.set))
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=PATIENCE)
        assert task.cancelled()


async def next_hint(heard: asyncio.Event) -> None:
    async with asyncio.timeout(PATIENCE):
        await heard.wait()
    heard.clear()


def test_hints_come_until_a_look_has_seen_the_change(origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jeeves_runner.sources.stamps.GLANCE", 0.05)

    async def until_seen(watch: Watch, heard: asyncio.Event, wanted: list[str]) -> None:
        seen: list[str] = []
        while seen != wanted:
            await next_hint(heard)
            snapshot = await asyncio.to_thread(origin.source.look)
            await watch.looked(snapshot.trace)
            seen = paths(snapshot)

    async def scene() -> None:
        watch = origin.source.watch(SystemClock())
        async with following(watch) as heard:
            await until_seen(watch, heard, ["jobs.d/a.yaml"])
            origin.write("b.yaml", "run: echo b\n")
            origin.save()
            await until_seen(watch, heard, ["jobs.d/a.yaml", "jobs.d/b.yaml"])
            (origin.jobs / "a.yaml").unlink()
            origin.save()
            await until_seen(watch, heard, ["jobs.d/b.yaml"])

    asyncio.run(scene())


def test_what_comes_back_gives_a_hint_although_the_last_look_failed(
    origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jeeves_runner.sources.stamps.GLANCE", 0.05)
    away = origin.root.with_name("away")

    async def scene() -> None:
        watch = origin.source.watch(SystemClock())
        async with following(watch) as heard:
            await next_hint(heard)
            origin.root.rename(away)
            with pytest.raises(SourceError):
                origin.source.look()
            await watch.looked(None)
            heard.clear()
            away.rename(origin.root)
            await next_hint(heard)

    asyncio.run(scene())


def test_at_rest_nobody_waits(origin: Origin) -> None:
    said: list[str] = []
    assert asyncio.run(origin.source.watch(SystemClock()).wait_for_rest(said.append)) is None
    assert said == []
    assert origin.source.settle >= 0
