"""Prompts that stand in files, which are read at each start of a run."""

import asyncio
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.gateway import Double, Settings, double
from support.orders import play
from support.session_runs import Noted, end_of, order, refusal, sessions

from jeeves_runner.core.model import Param, ParamType, SourceType
from jeeves_runner.errors import StartFailed
from jeeves_runner.execute import file_threads
from jeeves_runner.execute.contract import Order
from jeeves_runner.execute.session import prompt_file


@pytest.fixture
def far() -> Iterator[Double]:
    with double(Settings(speed=20)) as far:
        yield far


def test_a_prompt_may_stand_in_a_file(far: Double, tmp_path: Path) -> None:
    def of(path: Path, run_id: int) -> Order:
        spec, run = order(run_id=run_id)
        return Order(spec._replace(source_type=SourceType.PROMPT_FILE, script=str(path)), run)

    prompt = tmp_path / "prompt.md"
    prompt.write_text("say it: MODE:echo={{ job.id }}")
    ending, sink = end_of(far, of(prompt, 1))
    assert ending.text == "job"
    assert sink.script_hash == hashlib.blake2b(prompt.read_bytes(), digest_size=16).hexdigest()
    prompt.write_text("MODE:echo=other")
    assert end_of(far, of(prompt, 2))[0].text == "other"
    prompt.write_bytes(b"x" * (256 * 1024 + 1))
    assert "256 KiB" in refusal(far, of(prompt, 3)).message
    assert str(tmp_path / "none") in refusal(far, of(tmp_path / "none", 4)).message


def test_a_prompts_file_that_names_a_secret_parameter_by_now_ends_the_run_and_tells_nobody(
    far: Double, tmp_path: Path
) -> None:
    """Files are read at each start, and what was right when the manifest was checked need not be so then."""
    path = tmp_path / "prompt.md"
    path.write_text("MODE:echo={{ params.token }}")
    spec, run = order()
    declared = (Param(name="token", secret=True), Param(name="count", type=ParamType.INTEGER))
    spec = spec._replace(source_type=SourceType.PROMPT_FILE, script=str(path), params=declared)
    run = run._replace(params={"token": "hunter2", "count": "3"}, secret_params=frozenset({"token"}))
    error = refusal(far, Order(spec, run))
    assert error.message.startswith(f"{path}: line 1 of the prompt: the parameter `token` is secret")
    assert "hunter2" not in f"{error.message} {error.hint}"
    assert far.model_calls() == []
    path.write_text("MODE:echo={% if params.count > 2 %}many{% endif %}")
    _, sink = end_of(far, Order(spec, run))
    assert sink.output == b"many"


def test_a_folder_that_does_not_answer_keeps_one_thread_however_many_runs_want_its_files(
    far: Double, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each run fails after a while, and the threads of a runner are not endless."""
    hung, is_over = tmp_path / "hangs" / "prompt.md", threading.Event()
    threads: set[threading.Thread] = set()
    read = prompt_file.read_prompt

    def slow(path: str) -> object:
        if path == str(hung):
            threads.add(threading.current_thread())
            is_over.wait(30)
        return read(path)

    monkeypatch.setattr("jeeves_runner.execute.session.executor.read_prompt", slow)
    monkeypatch.setattr(file_threads, "PATIENCE", 0.1)
    at_hand = tmp_path / "prompt.md"
    at_hand.write_text("MODE:echo=done")

    def of(path: Path, run_id: int) -> Order:
        spec, run = order(run_id=run_id)
        return Order(spec._replace(source_type=SourceType.PROMPT_FILE, script=str(path)), run)

    async def scenario() -> None:
        async with sessions(far) as runner:
            for run_id in range(3):
                with pytest.raises(StartFailed, match=f"the file system of {hung} has not answered"):
                    await runner.executor.start(of(hung, run_id), Noted())
            await asyncio.gather(*(runner.run(of(at_hand, run_id)) for run_id in (4, 5)))

    try:
        play(scenario)
    finally:
        is_over.set()
    assert len(threads) == 1
