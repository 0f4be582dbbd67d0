"""What is said of a run besides its output tells none of its secrets."""

from pathlib import Path

import pytest
from support.runs import Place, Rig, job, with_runner

from jeeves_runner.core.model import Secret
from jeeves_runner.core.run import Run


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "token").write_text("hunter2-secret\n")
    (tmp_path / "pin").write_text("4711\n")
    return Place(tmp_path)


def test_the_message_of_a_run_is_masked(place: Place) -> None:
    env = (("TOKEN", Secret("file", "token")),)
    place.apply(job("a", env=env, cwd="/nowhere/hunter2-secret"))

    async def scenario(rig: Rig) -> Run:
        return await rig.finish("a")

    assert with_runner(place, scenario).message == (
        "the working folder does not exist: /nowhere/***; create it, or fix cwd"
    )


def test_that_a_secret_is_not_masked_is_logged_once(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("a", "b"):
        place.apply(job(name, env=(("PIN", Secret("file", "pin")),)))

    async def scenario(rig: Rig) -> None:
        for name in ("a", "b", "a"):
            await rig.finish(name)

    with_runner(place, scenario)
    why = "env PIN: the secret is too short to be masked in the output; take one of 6 characters or more"
    assert [text for text in caplog.messages if "PIN" in text] == [f"job a: {why}", f"job b: {why}"]
