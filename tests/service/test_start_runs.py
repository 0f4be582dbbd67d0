"""Jobs that run when a server starts: once each, whatever happens to them and to it in that minute."""

from functools import partial
from pathlib import Path

from support.server import Server, save, serving, until

from jeeves_runner.core.start_spread import delay_of

ON_START = "on_start: true\nrun: echo warm\ntimeout: 10s\n"


def named(begin: float, end: float) -> str:
    """An id whose moment comes so many seconds after a start."""
    return next(name for n in range(10_000) if begin < delay_of(name := f"job{n}") < end)


def starts(server: Server, name: str) -> list[str]:
    """How the runs of a job have ended."""
    return [run["status"] for run in server.get(f"/jobs/{name}/runs")["runs"]]


def have_run(server: Server, name: str, count: int = 1) -> bool:
    return starts(server, name) == ["ok"] * count


def test_a_job_runs_once_a_start_through_a_rename_and_a_crash(root: Path) -> None:
    first, moved, last = named(0.0, 0.3), named(8.0, 8.5), named(8.6, 9.0)
    for name in (first, moved, last):
        save(root, f"{name}.yaml", ON_START)
    with serving(root) as server:
        until(partial(have_run, server, first))
        server.kill()
    with serving(root) as server:
        until(partial(have_run, server, first, 2))
        (root / "jobs.d" / f"{moved}.yaml").unlink()
        save(root, "new.yaml", f"renamed_from: {moved}\n{ON_START}")
        save(root, "late.yaml", ON_START)
        until(lambda: server.job("new") and server.job("late"))
        assert starts(server, "new") == []
        until(lambda: have_run(server, last) and have_run(server, "new"))
        assert [starts(server, name) for name in (first, "new", last, "late")] == [
            ["ok"] * 2,
            ["ok"],
            ["ok"],
            [],
        ]
