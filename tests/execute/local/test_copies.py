"""A second runner on a copy of the database does not touch the runs of the first one, which goes on."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.launches import linux_only
from support.logs import log_place, ring_file
from support.runs import Place, Rig, job, running

pytestmark = linux_only


@pytest.fixture
def original(tmp_path: Path) -> Iterator[Place]:
    root = tmp_path / "original"
    root.mkdir()
    place = Place(root)
    with closing(place.conn):
        yield place


def copied(original: Place, root: Path) -> Place:
    """A copy as a backup makes it, with the roster, which a copy of the folder would have."""
    root.mkdir()
    original.conn.execute("VACUUM INTO ?", (str(root / "runner.sqlite"),))
    for roster in original.root.glob("*.processes"):
        (root / roster.name).write_bytes(roster.read_bytes())
    return Place(root)


@pytest.mark.parametrize("is_recorded", [True, False], ids=["recorded", "only noted in the roster"])
def test_the_runs_of_the_original_go_on(original: Place, tmp_path: Path, is_recorded: bool) -> None:
    original.apply(job("plain", "read line || true; sleep 60"), job("nameless", "exec env -i sleep 60"))

    async def scenario(rig: Rig) -> None:
        started = [(await rig.runs.request(name)).id for name in ("plain", "nameless")]
        await rig.until(
            lambda: original.value("SELECT count(*) FROM runs WHERE handle LIKE '%pid_namespace%'") == 2
        )
        copy = copied(original, tmp_path / "copy")
        with closing(copy.conn):
            if not is_recorded:
                copy.conn.execute("UPDATE runs SET handle = NULL")
            async with running(copy):
                pass
            assert copy.story() == ["interrupted"] * 2
            for run in copy.runs():
                assert run.message is not None
                assert f"it was started from {original.path}" in run.message
        assert original.story() == ["running"] * 2
        for run_id in started:
            await rig.runs.cancel(run_id)
            await rig.runs.wait(run_id)

    async def main() -> None:
        async with asyncio.timeout(100), running(original) as rig:
            await scenario(rig)

    asyncio.run(main())
    assert original.story() == ["cancelled"] * 2


def test_the_logs_of_the_original_stay_as_they_are(original: Place, tmp_path: Path) -> None:
    original.apply(job("loud", "seq 300000; echo up >&2; exec sleep 60"))
    ring = ring_file(log_place(original.root / "data", 1, "loud"))
    noted = "SELECT log_path FROM runs"

    async def main() -> None:
        async with asyncio.timeout(100), running(original) as rig:
            await rig.runs.request("loud")
            await rig.until(lambda: ring.exists() and original.value(noted) is not None)
            copy = copied(original, tmp_path / "copy")
            with closing(copy.conn):
                async with running(copy):
                    pass
                assert copy.story() == ["interrupted"]
            assert ring.exists()

    asyncio.run(main())
