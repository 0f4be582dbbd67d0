"""Which file system holds a path: SQLite's locks and shared memory do not work on all of them."""

import errno
import os
import re
import sys
from pathlib import Path

_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "ncpfs"})


def is_unsafe(fs_type: str) -> bool:
    """True for NFS, SMB and everything that goes through FUSE."""
    return fs_type in _NETWORK or fs_type.startswith("fuse")


def filesystem_of(real_path: str) -> str | None:
    """The type of the file system holding an absolute path without symlinks.

    None where the system does not tell (macOS, or no /proc).
    """
    if not sys.platform.startswith("linux"):
        return None
    try:
        mountinfo = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    return mounted_type(mountinfo, real_path)


def is_read_only(path: Path) -> bool:
    """Whether the file system of a path, or of the folder in which it may come to be, takes no writes.

    One that has failed is not always marked as such: what tells is to open one of its files for writing, and
    ``path`` must be none whose locks this process may lose by that.
    """
    try:
        if os.statvfs(path.parent).f_flag & os.ST_RDONLY:
            return True
        os.close(os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW))
    except OSError as error:
        return error.errno == errno.EROFS
    return False


def mounted_type(mountinfo: str, real_path: str) -> str | None:
    """The type of the mount with the longest mount point above ``real_path``.

    ``mountinfo`` has the form of proc_pid_mountinfo(5). A later line wins over an earlier one
    with the same mount point, because it was mounted on top of it.
    """
    best: tuple[int, str] | None = None
    for line in mountinfo.splitlines():
        mount = _parse(line)
        if mount is None:
            continue
        point, fs_type = mount
        if _holds(point, real_path) and (best is None or len(point) >= best[0]):
            best = (len(point), fs_type)
    return best[1] if best else None


def _parse(line: str) -> tuple[str, str] | None:
    """(mount point, type) of one line: the 5th field, and the one after a lone dash."""
    fields = line.split(" ")
    try:
        return _unescape(fields[4]), fields[fields.index("-", 6) + 1]
    except (IndexError, ValueError):
        return None


def _unescape(field: str) -> str:
    """The kernel writes blank, tab, newline and backslash as three octal digits."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)


def _holds(point: str, path: str) -> bool:
    return point == "/" or path == point or path.startswith(point + os.sep)
