"""Manifests that are reached by links: a change of what they lead to is heard, and so is a swap of a link."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jeeves_runner.clock import SystemClock
from jeeves_runner.sources.folder.places import way_of
from jeeves_runner.sources.folder.source import FolderSource

PATIENCE = 30


@pytest.fixture(autouse=True)
def no_glances(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only notifications are of use here."""
    monkeypatch.setattr("jeeves_runner.sources.stamps.GLANCE", 3600)


class Deployed:
    """``jobs.d`` with a manifest, and two releases of others beside it; ``current`` leads to the first."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.jobs = root / "project" / "jobs.d"
        self.jobs.mkdir(parents=True)
        for release in ("one", "two"):
            team = root / "releases" / release / "team"
            team.mkdir(parents=True)
            (team / "t.yaml").write_text(f"run: echo {release}\n")
        self.current = root / "current"
        self.current.symlink_to("releases/one")
        (root / "elsewhere").mkdir()
        self.file = root / "elsewhere" / "f.yaml"
        self.file.write_text("run: echo one\n")

    def swap(self, link: Path, target: str) -> None:
        """As deployments do: another link is renamed over the first."""
        draft = link.with_name("draft")
        draft.symlink_to(target)
        draft.replace(link)


@pytest.fixture
def deployed(tmp_path: Path) -> Deployed:
    return Deployed(tmp_path)


class Follower:
    """Looks at each hint."""

    def __init__(self, deployed: Deployed, folder: Path) -> None:
        self._source = FolderSource(folder=folder, root=deployed.root)
        self._watch = self._source.watch(SystemClock())
        self._heard = asyncio.Event()

    async def run(self) -> None:
        await self._watch.follow(self._heard.set)

    async def sees(self, text: str) -> None:
        """Wait until a look has found a manifest with this text."""
        async with asyncio.timeout(PATIENCE):
            while True:
                await self._heard.wait()
                self._heard.clear()
                seen = await asyncio.to_thread(self._source.look)
                await self._watch.looked(seen.trace)
                if any(text.encode() in file.data for file in seen.files):
                    return

    async def quiet(self) -> None:
        """Wait until there has been no hint for a moment: all watches stand."""
        while True:
            try:
                async with asyncio.timeout(0.4):
                    await self._heard.wait()
            except TimeoutError:
                return
            self._heard.clear()
            seen = await asyncio.to_thread(self._source.look)
            await self._watch.looked(seen.trace)


@asynccontextmanager
async def following(deployed: Deployed, folder: Path | None = None) -> AsyncIterator[Follower]:
    follower = Follower(deployed, folder or deployed.jobs)
    task = asyncio.create_task(follower.run())
    try:
        await follower.sees("echo one")
        await follower.quiet()
        yield follower
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=PATIENCE)


def linked_file(deployed: Deployed) -> None:
    (deployed.jobs / "f.yaml").symlink_to(deployed.file)


def linked_file_by_two_links(deployed: Deployed) -> None:
    (deployed.root / "middle.yaml").symlink_to("elsewhere/f.yaml")
    (deployed.jobs / "f.yaml").symlink_to("../../middle.yaml")


def written(deployed: Deployed) -> None:
    deployed.file.write_text("run: echo two\n")


def renamed_over(deployed: Deployed) -> None:
    draft = deployed.file.with_name("draft")
    draft.write_text("run: echo two\n")
    draft.replace(deployed.file)


@pytest.mark.parametrize("change", [written, renamed_over], ids=lambda change: change.__name__)
@pytest.mark.parametrize("link", [linked_file, linked_file_by_two_links], ids=lambda link: link.__name__)
def test_a_change_of_a_file_that_a_link_leads_to(
    deployed: Deployed, link: Callable[[Deployed], None], change: Callable[[Deployed], None]
) -> None:
    async def scene() -> None:
        link(deployed)
        async with following(deployed) as follower:
            change(deployed)
            await follower.sees("echo two")
            await follower.quiet()
            deployed.file.write_text("run: echo three\n")
            await follower.sees("echo three")

    asyncio.run(scene())


def test_a_second_link_into_the_same_folder(deployed: Deployed) -> None:
    async def scene() -> None:
        linked_file(deployed)
        async with following(deployed) as follower:
            other = deployed.file.with_name("g.yaml")
            other.write_text("run: echo other\n")
            (deployed.jobs / "g.yaml").symlink_to(other)
            await follower.sees("echo other")
            await follower.quiet()
            other.write_text("run: echo changed\n")
            await follower.sees("echo changed")

    asyncio.run(scene())


def test_a_swap_of_a_link_on_the_way_to_a_folder(deployed: Deployed) -> None:
    async def scene() -> None:
        (deployed.jobs / "team").symlink_to(deployed.current / "team")
        async with following(deployed) as follower:
            deployed.swap(deployed.current, "releases/two")
            await follower.sees("echo two")
            await follower.quiet()
            (deployed.root / "releases/two/team/t.yaml").write_text("run: echo three\n")
            await follower.sees("echo three")
            await follower.quiet()
            deployed.swap(deployed.current, "releases/one")
            await follower.sees("echo one")

    asyncio.run(scene())


def test_a_folder_that_takes_the_place_of_a_linked_one(deployed: Deployed) -> None:
    async def scene() -> None:
        team = deployed.root / "releases/one/team"
        (deployed.jobs / "team").symlink_to(team)
        async with following(deployed) as follower:
            team.rename(team.with_name("old"))
            (deployed.root / "releases/two/team").rename(team)
            await follower.sees("echo two")
            await follower.quiet()
            (team / "t.yaml").write_text("run: echo three\n")
            await follower.sees("echo three")

    asyncio.run(scene())


@pytest.mark.parametrize("place", ["current", "current/team"])
def test_a_swap_of_a_link_on_the_way_to_the_jobs_folder(deployed: Deployed, place: str) -> None:
    async def scene() -> None:
        async with following(deployed, deployed.root / place) as follower:
            deployed.swap(deployed.current, "releases/two")
            await follower.sees("echo two")
            await follower.quiet()
            (deployed.root / "releases/two/team/t.yaml").write_text("run: echo three\n")
            await follower.sees("echo three")
            await follower.quiet()
            deployed.swap(deployed.current, str(deployed.root / "releases" / "one"))
            await follower.sees("echo one")

    asyncio.run(scene())


def test_a_folder_as_kubernetes_mounts_it(deployed: Deployed) -> None:
    async def scene() -> None:
        for name, text in (("..1", "one"), ("..2", "two")):
            (deployed.jobs / name).mkdir()
            (deployed.jobs / name / "k.yaml").write_text(f"run: echo {text}\n")
        (deployed.jobs / "..data").symlink_to("..1")
        (deployed.jobs / "k.yaml").symlink_to("..data/k.yaml")
        async with following(deployed) as follower:
            deployed.swap(deployed.jobs / "..data", "..2")
            await follower.sees("echo two")

    asyncio.run(scene())


def test_other_files_beside_what_a_link_leads_to_give_no_hint(deployed: Deployed) -> None:
    async def scene() -> None:
        linked_file(deployed)
        async with following(deployed) as follower:
            for name in ("other", "f.yaml.swp"):
                (deployed.file.parent / name).write_text("x")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await follower._heard.wait()

    asyncio.run(scene())


def test_the_way_of_a_link_names_each_link_and_its_end(deployed: Deployed) -> None:
    (deployed.jobs / "team").symlink_to("../../current/team")
    root = str(deployed.root)
    assert list(way_of("team", str(deployed.jobs))) == [
        (str(deployed.jobs), "team"),
        (root, "current"),
        (f"{root}/releases/one", "team"),
    ]


def test_the_way_of_what_is_not_there_ends_where_it_would_be(deployed: Deployed) -> None:
    (deployed.jobs / "lost").symlink_to("nowhere/at/all")
    assert list(way_of("lost", str(deployed.jobs))) == [
        (str(deployed.jobs), "lost"),
        (str(deployed.jobs), "nowhere"),
    ]


def test_the_way_of_a_circle_ends(deployed: Deployed) -> None:
    for here, there in (("a", "b"), ("b", "a")):
        (deployed.jobs / here).symlink_to(there)
    assert set(way_of("a", str(deployed.jobs))) == {(str(deployed.jobs), "a"), (str(deployed.jobs), "b")}
