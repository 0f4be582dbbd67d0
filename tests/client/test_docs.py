"""The client's reference: its examples run, and it leaves nothing out."""

import inspect
import re
from pathlib import Path

import pytest
from support.ledger import Store

import jeeves_runner.client
from jeeves_runner.client import Client

TEXT = (Path(__file__).parents[2] / "docs/reference/client.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_examples_run_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / "runner.sqlite")
    monkeypatch.setenv("JR_DB_PATH", str(store.path))
    monkeypatch.setenv("JR_NAMESPACE", "greeter")
    with Client() as jr:
        jr.enqueue("inbox", {"n": 1})
    names: dict[str, object] = {}
    for example in EXAMPLES:
        exec(compile(example, "client.md", "exec"), names)
    with Client() as jr:
        assert jr.get_state("greeter", "runs") == 1
        assert jr.get_state("greeter", "lock") is None
        assert jr.get_state("counter", "total") == 1
        assert [item.payload for item in jr.claim("counted")] == [{"n": 1}]
    assert capsys.readouterr().out == 'filing t1 attempt 1\nJR_RESULT:{"tokens":1200,"meta":{"filed":3}}\n'
    store.conn.close()


@pytest.mark.parametrize(
    "name", [name for name, _ in inspect.getmembers(Client, inspect.isfunction) if name[0] != "_"]
)
def test_every_call_is_described(name: str) -> None:
    assert name == "close" or f"`{name}(" in TEXT


@pytest.mark.parametrize("name", jeeves_runner.client.__all__)
def test_every_name_is_mentioned(name: str) -> None:
    assert name in TEXT
