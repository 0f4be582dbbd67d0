"""A secret is read anew for each message: what is wrong with its file may be wrong for a moment."""

import asyncio
from errno import EIO, EMFILE
from pathlib import Path

import pytest

from jeeves_runner.notify import token as token_module
from jeeves_runner.notify.contract import NotSent, Rejected
from jeeves_runner.notify.token import Place, Token


def read(path: Path) -> str:
    return asyncio.run(Token(Place("notifications.slack.token_path", path), {}).read())


def test_a_new_secret_counts_at_once(tmp_path: Path) -> None:
    path = tmp_path / "token"
    token = Token(Place("x", path), {})
    for text in ("one", "two"):
        path.write_text(f" {text}\n")
        assert asyncio.run(token.read()) == text


def test_a_file_that_is_not_there_is_final(tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="No such file"):
        read(tmp_path / "none")
    with pytest.raises(Rejected):
        read(tmp_path)


@pytest.mark.parametrize("number", [EMFILE, EIO])
def test_what_passes_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def lacking(*_: object, **__: object) -> str:
        raise OSError(number, "it is lacking")

    monkeypatch.setattr(token_module, "read_secret", lacking)
    with pytest.raises(NotSent, match="it is lacking"):
        read(tmp_path / "token")
