"""Opening the database: how it is set up, and what is refused."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from support.db import CLOCK, ROOT, child, expect, tell

from jeeves_runner.clock import from_text
from jeeves_runner.db import connection
from jeeves_runner.db.connection import SCHEMA_VERSION, connect
from jeeves_runner.db.filesystem import filesystem_of, is_unsafe, mounted_type
from jeeves_runner.db.runner import RunnerLock
from jeeves_runner.errors import (
    DatabaseError,
    DatabaseReadOnly,
    DatabaseTooNew,
    JeevesError,
    NotADatabase,
)

CONNECT_AS_NOBODY = """
import json, os, sys
from pathlib import Path
from jeeves_runner.db import migrate
from jeeves_runner.db.connection import connect
from jeeves_runner.errors import JeevesError
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    connect(Path(sys.argv[1]), create=sys.argv[2] == "create").close()
except JeevesError as error:
    print(json.dumps([error.code, error.message, error.hint]))
else:
    print(json.dumps(["opened", "", ""]))
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def refusal(path: Path, *, create: bool = False) -> JeevesError:
    with pytest.raises(JeevesError) as caught:
        connect(path, create=create)
    assert caught.value.hint
    assert "\n" not in caught.value.message
    return caught.value


def connect_as_nobody(path: Path, mode: str) -> list[str]:
    with child(CONNECT_AS_NOBODY, path, mode) as process:
        out, _ = process.communicate()
    answer: list[str] = json.loads(out)
    return answer


def foreign_database(path: Path, *statements: str) -> bytes:
    with closing(apsw.Connection(str(path))) as conn:
        for statement in statements:
            conn.execute(statement)
    return path.read_bytes()


def alter(path: Path, pragma: str, value: int) -> None:
    with closing(apsw.Connection(str(path))) as conn:
        conn.pragma(pragma, value)


class TestSetUp:
    def test_makes_folder_file_and_schema(self, tmp_path: Path) -> None:
        path = tmp_path / "new" / "data" / "runner.sqlite"
        with closing(connect(path, create=True)) as conn:
            tables = {name for (name,) in conn.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
            assert {"jobs", "runs", "state", "state_items", "queues", "queue_items", "migrations"} <= tables
            assert conn.pragma("user_version") == SCHEMA_VERSION
            assert conn.pragma("application_id") == int.from_bytes(b"JRUR", "big")

    def test_sets_the_modes_of_file_and_connection(self, path: Path) -> None:
        with closing(connect(path)) as conn:
            assert conn.pragma("journal_mode") == "wal"
            assert conn.pragma("auto_vacuum") == 2  # incremental
            assert conn.pragma("foreign_keys") == 1
            assert conn.pragma("wal_autocheckpoint") == 0

    def test_records_each_migration_with_its_time(self, path: Path) -> None:
        with closing(connect(path)) as conn:
            version, name, applied_at = conn.execute("SELECT * FROM migrations ORDER BY version").fetchall()[
                0
            ]
        assert (version, name) == (1, "initial")
        assert from_text(str(applied_at)) <= CLOCK.now()

    def test_fills_an_empty_file(self, tmp_path: Path) -> None:
        path = tmp_path / "runner.sqlite"
        path.touch()
        connect(path, create=True).close()
        connect(path).close()

    def test_happens_once_when_many_processes_open_a_new_database(self, tmp_path: Path) -> None:
        path = tmp_path / "runner.sqlite"
        code = (
            "import sys; from pathlib import Path; from jeeves_runner.db import migrate;"
            " from jeeves_runner.db.connection import connect;"
            " print('ready', flush=True); sys.stdin.readline();"
            " connect(Path(sys.argv[1]), create=True).close()"
        )
        processes = [child(code, path) for _ in range(4)]
        for process in processes:
            expect(process, "ready")
        for process in processes:
            tell(process)
        for process in processes:
            process.communicate()
        assert [process.returncode for process in processes] == [0, 0, 0, 0]
        with closing(connect(path)) as conn:
            assert conn.execute("SELECT count(*) FROM migrations").get == SCHEMA_VERSION
            assert conn.pragma("auto_vacuum") == 2

    def test_a_symlink_leads_to_the_real_file(self, path: Path, tmp_path: Path) -> None:
        link = tmp_path / "elsewhere" / "link.sqlite"
        link.parent.mkdir()
        link.symlink_to(path)
        with closing(connect(link)) as conn:
            assert conn.filename == str(path.resolve())

    def test_light_imports_only(self) -> None:
        code = "import sys, jeeves_runner.db.connection; print(' '.join(sys.modules))"
        modules = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split()
        heavy = "asyncio aiohttp yaml jsonschema croniter click importlib.resources sqlite3 logging"
        assert set(heavy.split()).isdisjoint(modules)


class TestRefusals:
    def test_a_missing_file_without_creating_anything(self, tmp_path: Path) -> None:
        error = refusal(tmp_path / "data" / "runner.sqlite")
        assert "no database at" in error.message
        assert "jeeves-runner apply" in str(error.hint)
        assert list(tmp_path.iterdir()) == []

    def test_an_empty_file(self, tmp_path: Path) -> None:
        path = tmp_path / "runner.sqlite"
        path.touch()
        assert "jeeves-runner apply" in str(refusal(path).hint)
        assert path.stat().st_size == 0

    def test_a_folder(self, tmp_path: Path) -> None:
        assert "is a folder" in refusal(tmp_path, create=True).message

    def test_a_fifo_without_waiting_for_a_writer(self, tmp_path: Path) -> None:
        path = tmp_path / "runner.sqlite"
        os.mkfifo(path)
        assert isinstance(refusal(path), NotADatabase)

    @pytest.mark.parametrize("place", ["/dev/runner.sqlite", "/dev/null", "/proc/data/runner.sqlite"])
    def test_a_folder_of_the_system_without_creating_anything(self, place: str) -> None:
        beside = set(Path("/dev").iterdir())
        assert "belongs to the system" in refusal(Path(place), create=True).message
        with pytest.raises(DatabaseError, match="belongs to the system"):
            RunnerLock(Path(place)).acquire()
        assert set(Path("/dev").iterdir()) == beside

    def test_a_folder_that_is_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "data").write_text("hello")
        assert (
            "cannot be created: File exists"
            in refusal(tmp_path / "data" / "runner.sqlite", create=True).message
        )

    def test_not_a_log_that_goes_at_that_very_moment(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wal = path.with_name(f"{path.name}-wal")
        wal.touch()
        access = os.access

        def gone_by_now(file: Path, mode: int) -> bool:
            if file == wal:
                wal.unlink(missing_ok=True)
            return access(file, mode)

        monkeypatch.setattr("os.access", gone_by_now)
        connect(path).close()

    @pytest.mark.parametrize("suffix", ["-wal", "-shm"])
    @pytest.mark.parametrize("plant", [os.symlink, lambda _, path: os.mkfifo(path)])
    def test_a_link_in_place_of_a_file_beside_it(
        self, path: Path, tmp_path: Path, suffix: str, plant: Callable[[Path, Path], None]
    ) -> None:
        """SQLite would write into what it leads to."""
        precious = tmp_path / "precious"
        precious.write_bytes(bytes(4096))
        plant(precious, path.with_name(f"{path.name}{suffix}"))
        with pytest.raises(NotADatabase, match="is a link or no regular file"):
            connect(path, create=True)
        assert precious.read_bytes() == bytes(4096)

    def test_a_loop_of_symlinks(self, tmp_path: Path) -> None:
        path = tmp_path / "runner.sqlite"
        path.symlink_to(path)
        assert isinstance(refusal(path, create=True), DatabaseError)

    @pytest.mark.parametrize(
        "content", [b"x", b"jobs: []\n", b"SQLite format 4\0" + bytes(5000), bytes(4096)]
    )
    def test_a_file_that_is_not_sqlite_and_leaves_it_alone(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "runner.sqlite"
        path.write_bytes(content)
        assert isinstance(refusal(path, create=True), NotADatabase)
        assert path.read_bytes() == content
        assert [entry.name for entry in tmp_path.iterdir()] == ["runner.sqlite"]

    @pytest.mark.parametrize(
        "statement", ["CREATE TABLE cookies (host TEXT)", "PRAGMA application_id=7", "PRAGMA user_version=3"]
    )
    def test_sqlite_of_another_program_and_leaves_it_alone(self, tmp_path: Path, statement: str) -> None:
        path = tmp_path / "runner.sqlite"
        content = foreign_database(path, statement)
        error = refusal(path, create=True)
        assert isinstance(error, NotADatabase)
        assert "another program" in error.message
        assert path.read_bytes() == content

    def test_a_damaged_database(self, path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[100:4096] = b"\xaa" * 3996  # the schema's page, behind the header
        path.write_bytes(content)
        error = refusal(path)
        assert isinstance(error, NotADatabase)
        assert "damaged" in error.message

    def test_a_newer_schema_naming_both_versions(self, path: Path) -> None:
        alter(path, "user_version", 4711)
        error = refusal(path, create=True)
        assert isinstance(error, DatabaseTooNew)
        assert "4711" in error.message
        assert f"up to {SCHEMA_VERSION}" in error.message

    def test_an_older_schema_unless_it_may_migrate(self, path: Path) -> None:
        alter(path, "user_version", SCHEMA_VERSION - 1)
        error = refusal(path)
        assert "older schema" in error.message
        assert "serve" in str(error.hint)

    def test_a_file_the_user_cannot_write(self, open_folder: Path) -> None:
        path = open_folder / "runner.sqlite"
        connect(path, create=True).close()
        path.chmod(0o444)
        open_folder.chmod(0o777)
        code, message, hint = connect_as_nobody(path, "open")
        assert code == DatabaseReadOnly.code
        assert str(path) in message
        assert "permission" in hint

    def test_a_folder_the_user_cannot_write(self, open_folder: Path) -> None:
        path = open_folder / "runner.sqlite"
        connect(path, create=True).close()
        path.chmod(0o666)
        open_folder.chmod(0o555)
        code, message, hint = connect_as_nobody(path, "open")
        assert code == DatabaseReadOnly.code
        assert "folder" in message
        assert "-wal" in hint

    def test_a_folder_the_user_cannot_enter(self, open_folder: Path) -> None:
        path = open_folder / "runner.sqlite"
        connect(path, create=True).close()
        open_folder.chmod(0o600)
        code, message, hint = connect_as_nobody(path, "open")
        assert code == DatabaseReadOnly.code
        assert f"{open_folder} of the database cannot be entered" in message
        assert "permission" in hint

    @pytest.mark.parametrize("name", ["runner.sqlite", "data/runner.sqlite"])
    def test_creating_where_the_user_cannot_write(self, open_folder: Path, name: str) -> None:
        open_folder.chmod(0o555)
        code, message, _ = connect_as_nobody(open_folder / name, "create")
        assert code == DatabaseReadOnly.code
        assert str(open_folder) in message

    def test_companions_the_user_cannot_write(self, open_folder: Path) -> None:
        """The -wal and -shm files belong to root, as after one start with sudo."""
        path = open_folder / "runner.sqlite"
        with closing(connect(path, create=True)):
            path.chmod(0o666)
            open_folder.chmod(0o777)
            path.with_name("runner.sqlite-wal").chmod(0o666)
            path.with_name("runner.sqlite-shm").chmod(0o444)
            code, message, _ = connect_as_nobody(path, "open")
        assert code == DatabaseReadOnly.code
        assert "runner.sqlite-shm" in message

    def test_a_network_file_system(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connection, "filesystem_of", lambda _: "nfs4")
        error = refusal(path)
        assert "(nfs4)" in error.message
        assert "local disk" in str(error.hint)


MOUNTS = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:21 / /proc rw,nosuid shared:2 master:1 - proc proc rw
30 22 0:44 / /mnt/share rw,relatime - nfs4 server:/export rw,vers=4.2
31 30 254:1 / /mnt/share/local rw,relatime shared:9 - xfs /dev/vdb rw
32 22 0:45 / /mnt/my\\040disk rw,relatime - cifs //server/disk rw
33 22 0:46 / /over rw,relatime - nfs server:/a rw
34 33 254:2 / /over rw,relatime - ext4 /dev/vdc rw
35 22 0:47 / /home/me/remote rw,nosuid shared:3 - fuse.sshfs me@there:/ rw
"""


class TestFileSystem:
    @pytest.mark.parametrize(
        ("folder", "fs_type"),
        [
            ("/", "ext4"),
            ("/srv/data", "ext4"),
            ("/mnt/share", "nfs4"),
            ("/mnt/share/deep/er", "nfs4"),
            ("/mnt/shared", "ext4"),
            ("/mnt/share/local/data", "xfs"),
            ("/mnt/my disk/data", "cifs"),
            ("/over/data", "ext4"),
            ("/home/me/remote/data", "fuse.sshfs"),
        ],
    )
    def test_the_longest_mount_point_above_decides(self, folder: str, fs_type: str) -> None:
        assert mounted_type(MOUNTS, folder) == fs_type

    def test_lines_of_an_unknown_form_are_passed_over(self) -> None:
        assert mounted_type("nonsense\n\n1 2 3\n" + MOUNTS, "/srv") == "ext4"
        assert mounted_type("", "/srv") is None

    @pytest.mark.parametrize("fs_type", ["nfs", "nfs4", "cifs", "smb3", "fuse", "fuse.sshfs", "fuseblk"])
    def test_unsafe(self, fs_type: str) -> None:
        assert is_unsafe(fs_type)

    @pytest.mark.parametrize("fs_type", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "apfs", "fusion"])
    def test_safe(self, fs_type: str) -> None:
        assert not is_unsafe(fs_type)

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has /proc/self/mountinfo")
    def test_this_machine_tells(self) -> None:
        assert filesystem_of("/proc/self") == "proc"
