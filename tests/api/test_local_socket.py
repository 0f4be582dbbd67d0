"""The Unix socket: for its owner alone from the first moment, and never taken from a server that lives."""

import errno
import logging
import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from jeeves_runner.api.local_socket import LONGEST, LocalSocket, open_local_socket

Listen = Callable[[Path], LocalSocket]
Choose = Callable[..., LocalSocket | None]


@pytest.fixture
def folder() -> Iterator[Path]:
    """The folders of pytest may be too deep for a socket, this one is not."""
    with TemporaryDirectory() as short:
        yield Path(short)


@pytest.fixture
def path(folder: Path) -> Path:
    return folder / "runner.sock"


@pytest.fixture
def runtime(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime folder as the system makes it at login."""
    found = folder / "run"
    found.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(found))
    return found


@pytest.fixture(autouse=True)
def no_mask() -> Iterator[None]:
    """The worst: a user who lets everybody write what they make."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def listen() -> Iterator[Listen]:
    """A server's socket at a path, closed after the test."""
    with ExitStack() as stack:

        def at(path: Path) -> LocalSocket:
            found = LocalSocket(path)
            stack.callback(found.listener.close)
            return found

        yield at


@pytest.fixture
def choose() -> Iterator[Choose]:
    """The socket of a database in a data folder, closed after the test."""
    with ExitStack() as stack:

        def among(data_dir: Path, name: str = "runner.sqlite") -> LocalSocket | None:
            found = open_local_socket(data_dir, data_dir / name)
            if found is not None:
                stack.callback(found.listener.close)
            return found

        yield among


def long_folder(folder: Path) -> Path:
    found = folder / ("d" * LONGEST)
    found.mkdir()
    return found


def can_connect(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def test_is_for_its_owner_alone_before_it_listens(
    listen: Listen, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []

    class Watched(socket.socket):
        def listen(self, backlog: int = 0) -> None:
            modes.append(stat.S_IMODE(path.stat().st_mode))
            super().listen(backlog)

    monkeypatch.setattr(socket, "socket", Watched)
    listen(path)
    assert modes == [0o600]


def test_replaces_what_a_dead_server_has_left(listen: Listen, path: Path) -> None:
    listen(path).listener.close()
    assert not can_connect(path)
    listen(path)
    assert can_connect(path)


def test_leaves_a_living_server_its_own(listen: Listen, path: Path) -> None:
    first = listen(path)
    with pytest.raises(OSError, match="another process listens there"):
        listen(path)
    first.close()
    assert not path.exists()


def test_leaves_what_is_no_socket(listen: Listen, path: Path) -> None:
    path.write_text("the notes of a person")
    with pytest.raises(FileExistsError):
        listen(path)
    assert path.read_text() == "the notes of a person"


def test_a_server_removes_no_socket_but_its_own(listen: Listen, path: Path) -> None:
    first = listen(path)
    path.unlink()
    listen(path)
    first.close()
    assert can_connect(path)


def test_of_two_databases_in_one_data_folder_each_has_its_own(
    choose: Choose, folder: Path, runtime: Path
) -> None:
    first = choose(folder, "one.sqlite")
    second = choose(folder, "two.sqlite")
    assert first is not None
    assert second is not None
    assert first.path == folder / "runner.sock"
    assert second.path.parent == runtime


def test_a_path_that_is_too_long_gives_way_to_a_short_one(
    choose: Choose, folder: Path, runtime: Path
) -> None:
    deep = long_folder(folder)
    found = choose(deep)
    assert found is not None
    assert found.path.parent == runtime
    assert can_connect(found.path)
    assert stat.S_IMODE(found.path.stat().st_mode) == 0o600


def test_the_longest_path_works(listen: Listen, folder: Path) -> None:
    room = LONGEST - len(os.fsencode(folder)) - 1
    assert can_connect(listen(folder / ("s" * room)).path)
    with pytest.raises(OSError, match="too long") as failure:
        listen(folder / ("s" * (room + 1)))
    assert failure.value.errno == errno.ENAMETOOLONG


def test_without_a_runtime_folder_there_is_one_in_the_temporary_folder(
    choose: Choose, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    with TemporaryDirectory() as temporary:  # shorter than the folders of tests
        monkeypatch.setattr("tempfile.tempdir", temporary)
        found = choose(long_folder(folder))
        assert found is not None
        assert found.path.parent == Path(temporary) / f"jeeves-runner-{os.getuid()}"
        assert stat.S_IMODE(found.path.parent.stat().st_mode) == 0o700


def test_a_folder_that_others_may_enter_is_not_trusted(
    choose: Choose,
    folder: Path,
    runtime: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    runtime.chmod(0o755)
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    (folder / f"jeeves-runner-{os.getuid()}").mkdir(mode=0o777)
    deep = long_folder(folder)
    with caplog.at_level(logging.WARNING):
        assert choose(deep) is None
    assert "the folder is not this user's alone" in caplog.text


def test_a_server_with_a_full_backlog_lives(listen: Listen, path: Path) -> None:
    """Connections are not taken any more, and the next one would have to wait."""
    first = listen(path)
    first.listener.listen(0)
    clients = [socket.socket(socket.AF_UNIX) for _ in range(3)]
    answers = []
    for client in clients:
        client.setblocking(False)
        answers.append(client.connect_ex(str(path)))
    assert errno.EAGAIN in answers
    with pytest.raises(OSError, match="another process listens there"):
        listen(path)
    for client in clients:
        client.close()
