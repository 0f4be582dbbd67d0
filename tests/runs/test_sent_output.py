"""Of a job with an ``output_channel`` all of stdout is kept for those who get it."""

import signal
from pathlib import Path

import pytest
from support.db import child, expect
from support.engine import EngineExecutor, engine
from support.logs import log_place
from support.runs import Place, Rig, job, until_there, with_runner
from support.server import until

from jeeves_runner.core.model import Precheck
from jeeves_runner.core.run import Run
from jeeves_runner.execute.output.log_place import stdout_of
from jeeves_runner.runs.settle import left_record

CHANNEL = ("C0000001",)

RUNNER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, "tests")
from support.runs import Place, running

async def main():
    async with running(Place(Path(sys.argv[1]))) as rig:
        await rig.runs.request("a")
        print("asked", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def kept(place: Place, run: Run) -> str | None:
    path = stdout_of(log_place(place.root / "data", run.id, run.job_id)).path
    return path.read_text() if path.exists() else None


def test_it_is_whole_where_the_row_has_its_end(place: Place) -> None:
    place.apply(job("a", "seq 5000; echo err >&2", output_channel=CHANNEL), job("b", "seq 5000"))
    sent = with_runner(place, lambda rig: rig.finish("a"))
    other = with_runner(place, lambda rig: rig.finish("b"))
    assert kept(place, sent) == "".join(f"{number}\n" for number in range(1, 5001))
    assert (sent.stdout or "").startswith("… 4900 lines cut\n4901\n")
    assert kept(place, other) is None


@pytest.mark.parametrize(("check", "found"), [("echo looked", "main\n"), ("echo looked; exit 3", "looked\n")])
def test_it_is_that_of_the_part_that_the_row_tells_of(place: Place, check: str, found: str) -> None:
    place.apply(job("a", "echo main", precheck=Precheck(run=check), output_channel=CHANNEL))
    run = with_runner(place, lambda rig: rig.finish("a"))
    assert (run.stdout, kept(place, run)) == (found, found)


def test_of_a_run_whose_runner_was_killed_it_is_what_was_written_until_then(place: Place) -> None:
    here = place.root / "data" / "logs" / "a"
    place.apply(job("a", f"seq 100000; {until_there(place.root / 'end')}", output_channel=CHANNEL))
    with child(RUNNER, place.root) as runner:
        expect(runner, "asked")
        until(
            lambda: (
                (here / "1.out").exists() and b"100000\n" in _bytes_in(here / "1.out", here / "1.out.tail")
            )
        )
        runner.send_signal(signal.SIGKILL)
    (place.root / "end").touch()
    (run,) = place.runs()
    record = left_record(run, str(place.root / "data"))
    text = kept(place, run) or ""
    assert (text.startswith("1\n2\n"), text.endswith("\n100000\n")) == (True, True)
    assert not (here / "1.out.tail").exists()
    assert (record.stdout or "").splitlines()[1:] == [str(number) for number in range(99_901, 100_001)]


def _bytes_in(*paths: Path) -> bytes:
    return b"".join(path.read_bytes() for path in paths if path.exists())


def test_what_was_taken_over_from_another_runner_is_kept_too(place: Place) -> None:
    with engine(place.root / "socket"):
        executor = EngineExecutor(place.root / "socket")
        work = f"touch {place.root}/begun; {until_there(place.root / 'go')}; seq 3000"
        place.apply(job("a", work, output_channel=CHANNEL))

        async def begin(rig: Rig) -> None:
            await rig.runs.request("a")
            await rig.until((place.root / "begun").exists)

        with_runner(place, begin, executor=executor)
        place.go()
        with_runner(
            place, lambda rig: rig.until_story("a", "ok"), executor=EngineExecutor(place.root / "socket")
        )
    (run,) = place.runs()
    assert kept(place, run) == "".join(f"{number}\n" for number in range(1, 3001))
