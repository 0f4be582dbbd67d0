"""Every fault of a file system means that nothing is there."""

import errno
import os
from pathlib import Path

import pytest

from jeeves_runner.sources.folder import places

FAULTS = [errno.EACCES, errno.ESTALE, errno.ENOTCONN, errno.EIO, errno.ELOOP, errno.ENAMETOOLONG]


@pytest.mark.parametrize("fault", FAULTS, ids=errno.errorcode.get)
def test_what_cannot_be_seen_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    def failing(path: object, **_: object) -> os.stat_result:
        raise OSError(fault, os.strerror(fault), path)

    monkeypatch.setattr(os, "stat", failing)
    monkeypatch.setattr(os, "lstat", failing)
    assert not places.is_folder(tmp_path)
    assert not places.is_file(tmp_path)
    assert not places.is_there(tmp_path)
    assert places.identity_of(tmp_path) is None
    assert places.real_path(tmp_path) == tmp_path


def test_a_link_to_itself_leads_nowhere(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    assert places.real_path(loop / "below") == loop / "below"
    assert not places.is_folder(loop)
