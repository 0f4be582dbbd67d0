"""Hints: every kind of change in the folder makes the watch speak, also where notifications fail."""

import asyncio
import logging
import os
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jeeves_runner.side_thread import SideThread
from jeeves_runner.sources.folder import notices, system_watch
from jeeves_runner.sources.folder.system_watch import SystemWatch

PATIENCE = 30


class Listener:
    """Counts hints and lets a test wait for the next."""

    def __init__(self, watch: SystemWatch) -> None:
        self._watch = watch
        self._heard = asyncio.Event()

    async def run(self) -> None:
        async for _ in self._watch.hints():
            self._heard.set()

    async def next(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._heard.wait()
        self._heard.clear()

    async def quiet(self) -> None:
        """Wait until nothing has been heard for a moment."""
        while True:
            try:
                async with asyncio.timeout(0.3):
                    await self._heard.wait()
            except TimeoutError:
                return
            self._heard.clear()

    async def still_hears(self, folder: Path) -> None:
        """A new file in the folder, after all that came before."""
        await self.quiet()
        new_file(folder)
        await self.next()


@asynccontextmanager
async def listening(folder: Path) -> AsyncIterator[tuple[SystemWatch, Listener]]:
    watch = SystemWatch(folder, SideThread("side"))
    listener = Listener(watch)
    task = asyncio.create_task(listener.run())
    try:
        yield watch, listener
    finally:
        task.cancel()
        await asyncio.wait({task}, timeout=PATIENCE)
        assert task.cancelled()


def new_file(jobs: Path) -> None:
    (jobs / "new.yaml").write_text("x")


def new_file_in_new_folder(jobs: Path) -> None:
    (jobs / "team").mkdir()
    (jobs / "team" / "new.yaml").write_text("x")


def rename_over(jobs: Path) -> None:
    (jobs / "a.yaml.tmp").write_text("y")
    (jobs / "a.yaml.tmp").rename(jobs / "a.yaml")


def remove_file(jobs: Path) -> None:
    (jobs / "a.yaml").unlink()


def remove_folder(jobs: Path) -> None:
    shutil.rmtree(jobs)


CHANGES = [new_file, new_file_in_new_folder, rename_over, remove_file, remove_folder]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_is_heard(tmp_path: Path, change: Callable[[Path], None]) -> None:
    async def scenario() -> None:
        jobs = tmp_path / "jobs.d"
        jobs.mkdir()
        (jobs / "a.yaml").write_text("x")
        async with listening(jobs) as (_, listener):
            await listener.next()
            await listener.quiet()
            change(jobs)
            await listener.next()

    asyncio.run(scenario())


def test_the_first_hint_comes_once_the_watch_stands(tmp_path: Path) -> None:
    async def scenario() -> None:
        jobs = tmp_path / "jobs.d"
        jobs.mkdir()
        async with listening(jobs) as (_, listener):
            await listener.next()
            new_file(jobs)
            await listener.next()

    asyncio.run(scenario())


def test_a_folder_that_was_removed_and_made_again_is_still_watched(tmp_path: Path) -> None:
    async def scenario() -> None:
        jobs = tmp_path / "jobs.d"
        jobs.mkdir()
        async with listening(jobs) as (_, listener):
            await listener.next()
            shutil.rmtree(jobs)
            await listener.next()
            await listener.quiet()
            jobs.mkdir()
            await listener.next()
            await listener.still_hears(jobs)

    asyncio.run(scenario())


@pytest.mark.parametrize("gone", ["deploy", "deploy/x"])
def test_a_folder_above_that_was_removed_and_made_again_loses_no_edit(tmp_path: Path, gone: str) -> None:
    async def scenario() -> None:
        jobs = tmp_path / "deploy" / "x" / "jobs.d"
        jobs.mkdir(parents=True)
        async with listening(jobs) as (watch, listener):
            await listener.next()
            shutil.rmtree(tmp_path / gone)
            await listener.next()
            await watch.check()
            await listener.quiet()
            jobs.mkdir(parents=True)
            await listener.next()
            await watch.check()
            await listener.still_hears(jobs)

    asyncio.run(scenario())


def test_a_folder_put_in_the_place_of_another_is_watched_once_checked(tmp_path: Path) -> None:
    async def scenario() -> None:
        jobs = tmp_path / "deploy" / "jobs.d"
        jobs.mkdir(parents=True)
        async with listening(jobs) as (watch, listener):
            await listener.next()
            shutil.copytree(tmp_path / "deploy", tmp_path / "other")
            (tmp_path / "deploy").rename(tmp_path / "old")
            (tmp_path / "other").rename(tmp_path / "deploy")
            await watch.check()
            await listener.next()
            await listener.still_hears(jobs)

    asyncio.run(scenario())


def test_a_name_that_is_no_text_does_not_end_the_watch(tmp_path: Path) -> None:
    async def scenario() -> None:
        jobs = tmp_path / "jobs.d"
        jobs.mkdir()
        async with listening(jobs) as (watch, listener):
            await listener.next()
            odd = os.fsencode(tmp_path) + b"/\xff"
            watch.retarget([os.fsdecode(odd)])
            await watch.check()
            await asyncio.to_thread(Path(os.fsdecode(os.fsencode(jobs) + b"/b\xffd.yaml")).write_text, "x")
            await listener.next()
            await listener.still_hears(jobs)

    asyncio.run(scenario())


def test_places_that_links_lead_to_are_watched_once_they_are_known(tmp_path: Path) -> None:
    async def scenario() -> None:
        jobs, elsewhere = tmp_path / "jobs.d", tmp_path / "elsewhere"
        jobs.mkdir()
        elsewhere.mkdir()
        (jobs / "linked").symlink_to(elsewhere)
        async with listening(jobs) as (watch, listener):
            await listener.next()
            watch.retarget([str(jobs), str(elsewhere)])
            await watch.check()
            await listener.next()
            await listener.still_hears(elsewhere)

    asyncio.run(scenario())


def test_a_folder_that_becomes_a_link_to_itself_ends_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        jobs = tmp_path / "jobs.d"
        jobs.mkdir()
        async with listening(jobs) as (watch, listener):
            await listener.next()
            watch.retarget([str(jobs)])
            jobs.rename(tmp_path / "old")
            jobs.symlink_to("jobs.d")
            await watch.check()
            await listener.next()
            await listener.quiet()
            jobs.unlink()
            (tmp_path / "old").rename(jobs)
            await watch.check()
            await listener.next()
            await listener.still_hears(jobs)

    asyncio.run(scenario())


def test_without_notifications_it_hints_at_an_interval_and_says_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(*_paths: Path, **_: object) -> Iterator[object]:
        raise OSError("Error creating recommended watcher: Too many open files (os error 24)")

    monkeypatch.setattr(system_watch, "_PAUSE", 0.01)
    caplog.set_level(logging.INFO)

    async def scenario() -> None:
        jobs = tmp_path / "jobs.d"
        jobs.mkdir()
        with monkeypatch.context() as patch:
            patch.setattr(notices, "watch", refused)
            async with listening(jobs) as (_, listener):
                for _ in range(5):
                    await listener.next()
                assert len(caplog.messages) == 1
                assert caplog.messages[0].endswith("raise fs.inotify.max_user_instances and max_user_watches")
                patch.undo()
                await listener.next()
                await listener.quiet()
        assert caplog.messages[1:] == ["changes of the manifests are notified again"]

    asyncio.run(scenario())


def test_a_watch_that_cannot_be_armed_is_tried_again_after_a_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Path] = []

    def refused(*paths: Path, **_: object) -> Iterator[object]:
        tried.extend(paths)
        raise OSError("Error creating recommended watcher: Too many open files (os error 24)")

    monkeypatch.setattr(system_watch, "_PAUSE", 1000)
    monkeypatch.setattr(notices, "watch", refused)

    async def scenario() -> None:
        jobs = tmp_path / "jobs.d"
        jobs.mkdir()
        async with listening(jobs) as (_, listener):
            await listener.next()
            async with asyncio.timeout(PATIENCE):
                await listener.quiet()
        assert sorted(tried) == [tmp_path, jobs]

    asyncio.run(scenario())


def test_a_file_system_that_hangs_is_not_taken_for_notifications_that_are_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(*_paths: Path, **_: object) -> Iterator[object]:
        raise OSError("Error creating recommended watcher: Too many open files (os error 24)")

    goes_on, looks = threading.Event(), 0

    def hang(*_: object) -> None:
        nonlocal looks
        looks += 1
        goes_on.wait(PATIENCE)

    monkeypatch.setattr(system_watch, "_PAUSE", 0.01)
    monkeypatch.setattr(notices, "watch", refused)
    caplog.set_level(logging.INFO)

    async def scenario() -> None:
        (tmp_path / "jobs.d").mkdir()
        listener = Listener(SystemWatch(tmp_path / "jobs.d", SideThread("side"), patience=0.05))
        task = asyncio.create_task(listener.run())
        await listener.next()
        monkeypatch.setattr(system_watch, "_standing", hang)
        for _ in range(4):
            await listener.next()
        task.cancel()

    asyncio.run(scenario())
    goes_on.set()
    assert looks
    assert [message.partition(",")[0] for message in caplog.messages] == ["no notifications of changes"]


def test_a_file_system_that_hangs_keeps_nobody_and_is_heard_once_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr(system_watch, "_PAUSE", 0.01)

    async def scenario() -> None:
        jobs = tmp_path / "jobs.d"
        jobs.mkdir()
        thread = SideThread("side")
        watch = SystemWatch(jobs, thread, patience=0.05)
        listener = Listener(watch)
        task = asyncio.create_task(listener.run())
        with pytest.raises(TimeoutError):
            await thread.call(lambda: goes_on.wait(PATIENCE), 0.05)
        await listener.next()
        await watch.check()
        goes_on.set()
        await listener.next()
        await listener.still_hears(jobs)
        task.cancel()

    asyncio.run(scenario())
