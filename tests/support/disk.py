"""Small file systems of their own, that a test may fill or break. Only root can mount them."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, *options: str) -> Iterator[Path]:
    """A file system of 64 MiB in ``folder``, with further options for mount."""
    folder.mkdir()
    _mount("mount", "-t", "tmpfs", "-o", ",".join(("size=64m", *options)), "tmpfs", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def failing_disk(folder: Path) -> Iterator[Callable[[], None]]:
    """An ext4 file system in ``folder``. What this yields makes it read-only, as a fault of the disk does,
    also for those who have files open."""
    image = folder.with_name(f"{folder.name}.img")
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(128 << 20)
    _mount("mkfs.ext4", "-q", "-F", str(image))
    _mount("mount", "-o", "loop,errors=remount-ro", str(image), str(folder))
    found = subprocess.run(["losetup", "-j", image], capture_output=True, text=True, check=True)
    loop = Path(found.stdout.partition(":")[0]).name

    def fail() -> None:
        Path("/sys/fs/ext4", loop, "trigger_fs_error").write_text("1")

    try:
        yield fail
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path) -> Path:
    """A file that takes up all that is left."""
    path = disk / "filler"
    for step in (1 << 16, 1 << 9):
        with path.open("ab", buffering=0) as file, suppress(OSError):
            while file.write(bytes(step)):
                pass
    return path


def _mount(*command: str) -> None:
    """A command that only root can carry out, and not everywhere."""
    if (
        shutil.which(command[0]) is None
        or subprocess.run(command, capture_output=True, check=False).returncode
    ):
        pytest.skip(f"needs the right to mount small file systems: {command[0]}")
