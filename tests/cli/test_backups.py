"""``backup`` writes all of the database into a file, and ``restore`` puts it back."""

import errno
import os
import shutil
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from support.cli import Shell, refused, words

from jeeves_runner.db import outbox, tokens
from jeeves_runner.db.connection import connect
from jeeves_runner.execute.origin import RunOrigin


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A project with a job, and a run that has ended."""
    shell = Shell(tmp_path)
    shell.ledger.add_job("nightly")
    shell.ledger.add_run("nightly", "ok")
    return shell


@pytest.fixture
def saved(shell: Shell, tmp_path: Path) -> Path:
    """A backup of it."""
    file = tmp_path / "saved.sqlite"
    assert shell.run("backup", str(file)).exit_code == 0
    return file


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def runs_in(file: Path) -> list[tuple[object, ...]]:
    with closing(apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)) as conn:
        return conn.execute("SELECT id, status FROM runs ORDER BY id").fetchall()


def test_a_backup_is_one_private_file_that_says_what_it_leaves_out(shell: Shell, tmp_path: Path) -> None:
    before = names(tmp_path)
    text = words(shell.text("backup", str(tmp_path / "b.sqlite")))
    assert f"{tmp_path}/b.sqlite holds 1 job and 1 run, the last of which ended" in text
    assert "All of it was read again and is sound. Not in it: the logs of runs," in text
    assert names(tmp_path) - before == {"b.sqlite"}
    assert stat.S_IMODE((tmp_path / "b.sqlite").stat().st_mode) == 0o600
    assert runs_in(tmp_path / "b.sqlite") == [(1, "ok")]


def test_a_backup_has_what_was_committed_when_it_began_while_another_writes(
    shell: Shell, tmp_path: Path
) -> None:
    with shell.ledger.tx() as tx:
        tx.conn.execute("DELETE FROM runs")
        shell.text("backup", str(tmp_path / "b.sqlite"))
    assert runs_in(tmp_path / "b.sqlite") == [(1, "ok")]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("data/runner.sqlite", "is a file of the database itself"),
        ("data/runner.sqlite-wal", "is a file of the database itself"),
        ("data", "is a folder"),
        ("none/b.sqlite", "there is no folder"),
        ("jeeves-runner.yaml", "is no backup: SQLite"),
    ],
)
def test_a_backup_overwrites_nothing_else(shell: Shell, tmp_path: Path, name: str, message: str) -> None:
    refused(shell.run("backup", str(tmp_path / name), "--replace"), message)
    assert shell.config.read_text() == "timezone: UTC\n"


def test_a_backup_takes_the_place_of_another_only_if_asked(shell: Shell, saved: Path) -> None:
    shell.ledger.add_run("nightly", "error")
    refused(shell.run("backup", str(saved)), f"there is a file {saved} already")
    assert runs_in(saved) == [(1, "ok")]
    shell.text("backup", str(saved), "--replace")
    assert runs_in(saved) == [(1, "ok"), (2, "error")]


def test_a_damaged_database_is_not_backed_up(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "b.sqlite").touch()
    shell.ledger.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    page, size = shell.ledger.conn.execute(
        "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_schema WHERE name = 'audit'"
    ).get
    shell.ledger.conn.close()
    with shell.ledger.path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    result = shell.run("backup", str(tmp_path / "b.sqlite"), "--replace")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is damaged" in result.stderr
    assert (tmp_path / "b.sqlite").stat().st_size == 0
    assert [name for name in names(tmp_path) if "partial" in name] == []


def test_a_backup_is_restored_where_there_is_no_database(shell: Shell, saved: Path, tmp_path: Path) -> None:
    shell.ledger.conn.close()
    for path in (tmp_path / "data").iterdir():
        path.unlink()
    text = shell.text("restore", str(saved))
    assert words(text).startswith(f"{shell.ledger.path} holds 1 job and 1 run")
    assert runs_in(shell.ledger.path) == [(1, "ok")]
    assert stat.S_IMODE(shell.ledger.path.stat().st_mode) == 0o600


def test_a_database_that_is_there_is_put_aside_only_if_asked(shell: Shell, saved: Path) -> None:
    shell.ledger.add_run("nightly", "error")
    shell.ledger.conn.close()
    refused(shell.run("restore", str(saved)), f"there is a database at {shell.ledger.path} already")
    assert runs_in(shell.ledger.path) == [(1, "ok"), (2, "error")]
    text = shell.text("restore", str(saved), "--replace")
    (aside,) = shell.ledger.path.parent.glob("*.bak")
    assert f"The database that was there is {aside} now." in text
    assert runs_in(aside) == [(1, "ok"), (2, "error")]
    assert runs_in(shell.ledger.path) == [(1, "ok")]


def test_a_restore_waits_for_no_server_and_touches_none(shell: Shell, saved: Path) -> None:
    with shell.server():
        refused(shell.run("restore", str(saved), "--replace"), "another runner (pid")
    assert not list(shell.ledger.path.parent.glob("*.bak"))


def test_a_server_that_ran_when_the_backup_was_made_has_not_died(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "of-a-server.sqlite"
    with shell.server():
        shell.text("backup", str(file))
    with closing(apsw.Connection(str(file))) as conn:
        conn.execute("UPDATE runner SET pid = 999999999")  # another machine's, or long over
    shell.ledger.conn.close()
    shell.text("restore", str(file), "--replace")
    result = shell.run("status")
    assert (result.exit_code, "is stopped; start it with" in result.stdout) == (0, True), result.stdout


def test_a_restore_leaves_alone_what_a_program_works_with(
    shell: Shell, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jeeves_runner.db.restoring.PATIENCE", 0.1)
    refused(shell.run("restore", str(saved), "--replace"), "has been locked by another process")
    shell.ledger.add_run("nightly", "ok")
    assert shell.ledger.count("runs") == 2
    assert [name for name in names(shell.ledger.path.parent) if "partial" in name] == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file at"),
        (b"", "is no backup: jeeves-runner"),
        (b"not a database" * 100, "is no backup: SQLite"),
    ],
)
def test_only_a_backup_is_restored(shell: Shell, tmp_path: Path, content: bytes | None, message: str) -> None:
    shell.ledger.conn.close()
    if content is not None:
        (tmp_path / "other").write_bytes(content)
    refused(shell.run("restore", str(tmp_path / "other"), "--replace"), message)
    assert runs_in(shell.ledger.path) == [(1, "ok")]


def test_a_damaged_backup_is_not_restored(shell: Shell, saved: Path) -> None:
    shell.ledger.conn.close()
    with saved.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 8192)
    refused(shell.run("restore", str(saved), "--replace"), "is damaged")
    assert runs_in(shell.ledger.path) == [(1, "ok")]


def test_a_damaged_database_gives_way_with_all_that_is_beside_it(shell: Shell, saved: Path) -> None:
    shell.ledger.conn.close()
    shell.ledger.path.write_bytes(b"scrambled" * 1000)
    wal = shell.ledger.path.with_name("runner.sqlite-wal")
    wal.write_bytes(b"what is left of a log")
    shell.text("restore", str(saved), "--replace")
    (aside,) = shell.ledger.path.parent.glob("*.bak")
    assert aside.read_bytes() == b"scrambled" * 1000
    assert aside.with_name(f"{aside.name}-wal").read_bytes() == b"what is left of a log"
    assert runs_in(shell.ledger.path) == [(1, "ok")]
    assert not wal.exists()


def test_runs_and_messages_go_on_after_the_numbers_that_were_given_since(shell: Shell, saved: Path) -> None:
    for _ in range(3):
        shell.ledger.add_run("nightly", "ok")
    logs = shell.ledger.path.parent / "logs" / "nightly"
    logs.mkdir(parents=True)
    (logs / "9.log").touch()
    with shell.ledger.tx() as tx:
        tx.conn.execute("INSERT INTO sqlite_sequence VALUES ('outbox', 70)")
    shell.ledger.conn.close()
    shell.text("restore", str(saved), "--replace")
    with closing(connect(shell.ledger.path)) as conn:
        numbers = dict(conn.execute("SELECT name, seq FROM sqlite_sequence"))
    assert (numbers["runs"], numbers["outbox"]) == (9, 70)


@pytest.mark.parametrize("ends", [False, True])
def test_messages_and_tokens_are_ended_only_if_asked(shell: Shell, tmp_path: Path, ends: bool) -> None:
    assert shell.run("token", "create", "ci").exit_code == 0
    with shell.ledger.tx() as tx:
        outbox.own(tx, "where it was")
        tx.conn.execute(
            "INSERT INTO outbox (channel, said, created_at) VALUES ('webhook:ops', 'test', ?)", (tx.at,)
        )
    file = tmp_path / "b.sqlite"
    shell.text("backup", str(file))
    shell.ledger.conn.close()
    flags = ("--end-messages", "--revoke-tokens") if ends else ()
    text = shell.text("restore", str(file), "--replace", *flags)
    assert ("Tokens: 1; they were revoked" in text) == ends
    assert ("Messages that waited: 1; they are not sent." in text) == ends
    with closing(connect(shell.ledger.path)) as conn:
        assert tokens.any_token(conn) != ends
        place = RunOrigin.here(shell.ledger.path).as_json()
        assert conn.execute("SELECT place FROM outbox_owner").get == place
        waiting = conn.execute("SELECT count(*) FROM outbox WHERE status = 'pending'").get
        assert waiting == (0 if ends else 1)
        (row,) = conn.execute("SELECT actor, target, detail FROM audit WHERE action = 'restore'")
    asked = ", replace, end messages, revoke tokens" if ends else ", replace"
    assert row == ("cli", "database", f"b.sqlite{asked}")


def test_what_a_crash_has_left_of_a_backup_goes_with_the_next(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / ".b.sqlite.01234567.partial").touch()
    (tmp_path / ".b.sqlite.01234567.partial-journal").touch()
    (tmp_path / ".b.sqlite.89abcdef.partial.turns").touch()
    shell.text("backup", str(tmp_path / "b.sqlite"))
    assert [name for name in names(tmp_path) if "partial" in name] == []


@pytest.mark.parametrize("name", ["n" * 250, "n" * 300])
def test_a_name_that_the_disk_does_not_take_is_told_as_such(shell: Shell, tmp_path: Path, name: str) -> None:
    refused(shell.run("backup", str(tmp_path / name)), f"{name} cannot be written: File name too long")


@pytest.fixture
def forbidden(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder in which one may neither look nor write. Root may, so the system's answer is made here."""
    folder = tmp_path / "forbidden"
    folder.mkdir()
    for name in ("open", "stat", "lstat"):
        monkeypatch.setattr(os, name, _forbidding(getattr(os, name), folder))
    return folder


def _forbidding(real: Callable[..., object], folder: Path) -> Callable[..., object]:
    def call(path: object, *words: object, **named: object) -> object:
        if isinstance(path, str | os.PathLike) and Path(os.fspath(path)).parent == folder:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path, *words, **named)

    return call


def test_a_folder_that_may_not_be_entered_is_told_as_such(shell: Shell, forbidden: Path) -> None:
    file = forbidden / "b.sqlite"
    refused(shell.run("backup", str(file)), f"{file} cannot be written: Permission denied")
    refused(shell.run("backup", str(file), "--replace"), f"{file} cannot be written: Permission denied")
    refused(shell.run("restore", str(file), "--replace"), f"{file} cannot be read: Permission denied")


def test_a_database_that_only_says_it_is_ours_is_not_restored(shell: Shell, saved: Path) -> None:
    shell.ledger.conn.close()
    with closing(apsw.Connection(str(saved))) as conn:
        conn.execute("PRAGMA foreign_keys=OFF; DROP TABLE runs")
    refused(shell.run("restore", str(saved), "--replace"), f"{saved} is no whole backup: no such table: runs")
    assert runs_in(shell.ledger.path) == [(1, "ok")]


def test_one_of_an_older_version_than_its_tables_is_not_restored(shell: Shell, saved: Path) -> None:
    shell.ledger.conn.close()
    with closing(apsw.Connection(str(saved))) as conn:
        conn.pragma("user_version", 2)
    refused(shell.run("restore", str(saved), "--replace"), f"{saved} is no whole backup: ")
    assert runs_in(shell.ledger.path) == [(1, "ok")]
    assert [name for name in names(shell.ledger.path.parent) if "partial" in name] == []


def test_a_backup_that_was_cut_off_is_not_restored(shell: Shell, saved: Path) -> None:
    shell.ledger.conn.close()
    with saved.open("r+b") as file:
        file.truncate(100_000)
    answer = shell.run("restore", str(saved), "--replace")
    refused(answer, f"{saved} is damaged")
    assert "hint: name another one" in answer.stderr
    assert runs_in(shell.ledger.path) == [(1, "ok")]


@pytest.mark.parametrize("sound", [True, False])
def test_where_a_file_can_have_one_name_only_a_restore_puts_a_copy_aside(
    shell: Shell, saved: Path, monkeypatch: pytest.MonkeyPatch, sound: bool
) -> None:
    shell.ledger.add_run("nightly", "error")
    shell.ledger.conn.close()
    if not sound:
        shell.ledger.path.write_bytes(b"scrambled" * 1000)
    old = shell.ledger.path.read_bytes()
    monkeypatch.setattr(os, "link", _without_links)
    shell.text("restore", str(saved), "--replace")
    (aside,) = shell.ledger.path.parent.glob("*.bak")
    assert stat.S_IMODE(aside.stat().st_mode) == 0o600
    if sound:
        assert runs_in(aside) == [(1, "ok"), (2, "error")]
    else:
        assert aside.read_bytes() == old
    assert runs_in(shell.ledger.path) == [(1, "ok")]
    assert [name for name in names(shell.ledger.path.parent) if "partial" in name] == []


def test_where_a_file_can_have_one_name_only_a_copy_that_has_no_room_changes_nothing(
    shell: Shell, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    shell.ledger.add_run("nightly", "error")
    shell.ledger.conn.close()
    monkeypatch.setattr(os, "link", _without_links)
    monkeypatch.setattr(shutil, "copyfileobj", full)
    refused(shell.run("restore", str(saved), "--replace"), "the disk is full: ")
    assert runs_in(shell.ledger.path) == [(1, "ok"), (2, "error")]
    assert not list(shell.ledger.path.parent.glob("*before-restore*"))


def _without_links(*_: object, **__: object) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.mark.parametrize("words", [("backup",), ("backup", "--replace"), ("restore", "--replace")])
def test_a_loop_of_links_is_told_as_such(shell: Shell, tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    command, *flags = words
    refused(shell.run(command, str(tmp_path / "a"), *flags), f"{tmp_path}/a ")
