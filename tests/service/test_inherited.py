"""What a server passes on of what its parent has left to it: the user's umask, priority and limits, and no
open file. It starts a program that comes alone itself; of many at once its starters take a part."""

import json
import os
import sys
from pathlib import Path

import pytest
from support.server import SERVE, save, serving, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

BY_A_CARELESS_PARENT = """
import os, resource, sys
os.umask(0o027)
os.nice(3)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_NOFILE, (200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
reader, writer = os.pipe()
os.write(writer, b"for the server alone")
os.dup2(reader, 0)
os.dup2(reader, 7)
os.dup2(writer, 60)
os.execv(sys.argv[1], sys.argv[1:])
"""

REPORT = """
import json, os, resource, stat, sys
from pathlib import Path

def is_open(fd):
    try:
        return bool(os.fstat(fd))
    except OSError:
        return False

report = {
    "parent": os.getppid(),
    "descriptors": [fd for fd in range(200) if is_open(fd)],
    "stdin": sys.stdin.read(),
    "nice": os.nice(0),
    "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
    "open files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
}
path = Path(f"{os.environ['JR_RUN_ID']}.new")
path.write_text(json.dumps(report))
path.rename(path.with_suffix(".report"))
"""

MANY = 12


def test_runs_get_what_is_the_users_and_none_of_what_was_left_open(tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jeeves-runner.yaml").write_text(f"port: 0\nmax_concurrency: {MANY}\n")
    (tmp_path / "report.py").write_text(REPORT)
    for number in range(MANY):
        save(tmp_path, f"{number}.yaml", "schedule: '* * * * * *'\nscript: report.py\ntimeout: 1m\n")
    with serving(tmp_path, [sys.executable, "-c", BY_A_CARELESS_PARENT, *SERVE]) as server:
        until(lambda: {server.pid} < {report["parent"] for report in reports(tmp_path)})
    for path in tmp_path.glob("*.report"):
        assert oct(path.stat().st_mode & 0o777) == "0o640"
    for report in reports(tmp_path):
        assert report | {"parent": "any"} == {
            "parent": "any",
            "descriptors": [0, 1, 2],
            "stdin": "",
            "nice": os.nice(0) + 3,
            "core": 0,
            "open files": 200,
        }


def reports(root: Path) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in root.glob("*.report")]
