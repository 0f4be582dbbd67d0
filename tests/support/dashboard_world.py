"""The world of a shop's server that has run for three days: what pages of the dashboard are looked at with.

    PYTHONPATH=tests python -m support.dashboard_world FOLDER [--jobs N] [--port N] [--blocked]
    cd FOLDER && jeeves-runner serve

makes the project in a new folder: some fifty jobs in manifests under git, six revisions and a commit that
breaks one job, three days of runs with their logs, retries, skips and a silence of the server, queues with
dead letters, state, incidents, messages, an audit, a pause, a mute and a skip. All of it lies before now, and
is the same each time but for the time. ``--jobs N`` adds N small jobs with a little history each, to look at
long lists. ``--blocked`` leaves a plan that would delete half of the jobs.

In a test, ``make(folder)`` and then ``support.server.serving(folder)``. The server takes any free port.
"""

import argparse
import os
import subprocess
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
from support.dashboard_history import write_history
from support.dashboard_manifests import CONFIG, STEPS, WORK, Step
from support.dashboard_many import many_manifests, write_many
from support.dashboard_rest import write_rest
from support.server import command

from jeeves_runner.clock import to_text
from jeeves_runner.config import load_config

BLOCKED = ("orders.yaml", "website.yaml", "care.yaml")
"""The manifests that ``--blocked`` deletes."""


def make(root: Path, *, many: int = 0, port: int = 0, blocked: bool = False) -> Path:
    """The project in ``root``, which is made, with so ``many`` small jobs besides. Returns ``root``."""
    root.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    (root / "jeeves-runner.yaml").write_text(CONFIG.replace("port: 0", f"port: {port}"))
    (root / ".gitignore").write_text("data/\nserve.log\n")
    _write(root, {"scripts/work.sh": WORK, **many_manifests(many)})
    _git(root, now, "Ann", "init", "--quiet", "--initial-branch=main")
    at = [_commit(root, now, step) for step in STEPS]
    with closing(apsw.Connection(str(load_config(root, None).db_path))) as conn, conn:
        _date(conn, at)
        write_history(conn, root / "data", now)
        write_rest(conn, now)
        write_many(conn, now)
        conn.execute("UPDATE jobs SET decided_until = ?", (to_text(now - timedelta(minutes=1)),))
    _override(root)
    if blocked:
        for name in BLOCKED:
            (root / "jobs.d" / name).unlink()
    return root


def _write(root: Path, files: dict[str, str | None] | dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        if text is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _commit(root: Path, now: datetime, step: Step) -> datetime:
    """The time of the apply that followed it."""
    at = now - timedelta(hours=step.hours_ago)
    _write(root, step.files)
    _git(root, at, step.author, "add", "--all")
    _git(root, at, step.author, "commit", "--quiet", "--message", step.subject)
    done = command(root, "apply", "--keep-going", "--allow-deletes", "9")
    assert done.returncode in (0, 3), done.stdout + done.stderr
    return at + timedelta(seconds=4)


def _git(root: Path, at: datetime, author: str, *words: str) -> None:
    name = f"{author} <{author.split(maxsplit=1)[0].lower()}@example.com>"
    who = {
        "GIT_AUTHOR_NAME": author,
        "GIT_AUTHOR_EMAIL": name.partition("<")[2][:-1],
        "GIT_COMMITTER_NAME": author,
        "GIT_COMMITTER_EMAIL": name.partition("<")[2][:-1],
        "GIT_AUTHOR_DATE": to_text(at),
        "GIT_COMMITTER_DATE": to_text(at),
    }
    subprocess.run(["git", *words], cwd=root, check=True, env={**os.environ, **who})


def _date(conn: apsw.Connection, at: list[datetime]) -> None:
    """What the applies wrote, as if it had been at these times."""
    made = list(conn.execute("SELECT id, applied_at FROM revisions ORDER BY id"))
    for (number, really), when in zip(made, at, strict=True):
        text = to_text(when)
        by = "cli" if number == made[0][0] else "watch"
        conn.execute("UPDATE revisions SET applied_at = ?, applied_by = ? WHERE id = ?", (text, by, number))
        for table in ("jobs", "queues", "nodes"):
            conn.execute(f"UPDATE {table} SET created_at = ? WHERE created_at = ?", (text, really))
            conn.execute(f"UPDATE {table} SET updated_at = ? WHERE revision_id = ?", (text, number))
        conn.execute("UPDATE audit SET at = ? WHERE target = ?", (text, f"revision {number}"))
    conn.execute("UPDATE jobs SET schedule_since = created_at")
    conn.execute("UPDATE held SET since = ?", (to_text(at[-1]),))


def _override(root: Path) -> None:
    """What people have set aside, by the commands with which they do."""
    for words in (
        ("pause", "newsletter", "--for", "2d", "--reason", "the new template is not ready"),
        ("pause", "sitemap", "--reason", "waits for the move of the website"),
        ("mute", "export-crm", "--for", "8h", "--reason", "the CRM's people know"),
        ("skip", "backup", "--reason", "the disks are being changed tonight"),
        ("queue", "pause", "thumbnails", "--reason", "the picture server is full"),
    ):
        done = command(root, *words)
        assert done.returncode == 0, done.stdout + done.stderr


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("folder", type=Path)
    words.add_argument("--jobs", type=int, default=0)
    words.add_argument("--port", type=int, default=0)
    words.add_argument("--blocked", action="store_true")
    given = words.parse_args()
    make(given.folder, many=given.jobs, port=given.port, blocked=given.blocked)
    print(f"cd {given.folder} && jeeves-runner serve")


if __name__ == "__main__":
    main()
