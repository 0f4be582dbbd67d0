"""The scripts of this repository's own jobs, run for real against a database of their own."""

import json
import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.docs import DOCS, Block, blocks
from support.server import serving, until

from jeeves_runner.client import Client
from jeeves_runner.db.connection import connect

ROOT = Path(__file__).parents[2]
OWN = [block for block in blocks(DOCS / "explanation/graph.md") if block.info[1:] == ("own",)]
Answer = subprocess.CompletedProcess[str]
Git = Callable[..., str]


class Project:
    """A folder with a copy of the repository's jobs, and its database."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "data"

    def apply(self) -> None:
        self._call([sys.executable, "-m", "jeeves_runner", "apply"]).check_returncode()

    def command(self, *words: str) -> str:
        """What a command prints, which must succeed."""
        answer = subprocess.run(
            [sys.executable, "-m", "jeeves_runner", *words],
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
            timeout=50,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    def script(self, name: str, *args: str) -> Answer:
        """Run one script as the runner would."""
        path = self.root / "scripts" / name
        return self._call([sys.executable, str(path), *args], JR_NAMESPACE=path.stem.replace("_", "-"))

    def client(self) -> Client:
        return Client(self.data / "runner.sqlite")

    def _call(self, words: list[str], **extra: str) -> Answer:
        own = {
            "PYTHONPATH": str(ROOT),
            "JR_PROJECT_DIR": str(self.root),
            "JR_DATA_DIR": str(self.data),
            "JR_DB_PATH": str(self.data / "runner.sqlite"),
            "JR_RUN_ID": "1",
        }
        env = {**os.environ, **own, **extra}
        return subprocess.run(
            words, cwd=self.root, env=env, capture_output=True, text=True, check=False, timeout=50
        )

    def forget_answers(self) -> None:
        """As if the last run had died after its effects and before its answers."""
        with closing(connect(self.data / "runner.sqlite")) as conn:
            conn.execute("UPDATE queue_items SET status = 'pending', completed_at = NULL")

    def claimed_shas(self) -> list[str]:
        """The shas waiting in the queue, in order; they are taken."""
        with self.client() as jr:
            return [item.payload["sha"] for item in jr.claim("commits", count=1000)]


def result(answer: Answer) -> Any:
    """What a successful script reported."""
    assert answer.returncode == 0, answer.stderr
    lines = [line for line in answer.stdout.splitlines() if line.startswith("JR_RESULT:")]
    return json.loads(lines[-1].removeprefix("JR_RESULT:"))["meta"]


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project of all tests, of which each gets a copy."""
    root = tmp_path_factory.mktemp("applied")
    for name in ("jobs.d", "scripts"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "jeeves-runner.yaml", root)
    Project(root).apply()
    return root


@pytest.fixture
def project(tmp_path: Path, applied: Path) -> Project:
    shutil.copytree(applied, tmp_path, dirs_exist_ok=True)
    return Project(tmp_path)


@pytest.fixture
def git(project: Project) -> Git:
    def call(*words: str, date: str = "2026-11-20T10:00:00+00:00") -> str:
        who = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "a@example.com"}
        who |= {"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "a@example.com"}
        when = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        env = {
            **os.environ,
            **who,
            **when,
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_SYSTEM": "/dev/null",
        }
        return subprocess.run(
            ["git", *words], cwd=project.root, env=env, capture_output=True, text=True, check=True
        ).stdout.strip()

    call("init", "--quiet")
    return call


def commit(git: Git, subject: str, date: str = "2026-11-20T10:00:00+00:00") -> str:
    git("commit", "--quiet", "--allow-empty", "--message", subject, date=date)
    return git("rev-parse", "HEAD")


def test_commits_are_queued_once_and_in_order(project: Project, git: Git) -> None:
    shas = [commit(git, f"change {n}") for n in range(3)]
    assert result(project.script("git_commits.py")) == {"head": shas[-1], "seen": 3, "queued": 3}
    assert "nothing new" in project.script("git_commits.py").stdout
    shas.append(commit(git, "change 3"))
    assert result(project.script("git_commits.py"))["queued"] == 1
    assert project.claimed_shas() == shas


def test_the_first_run_leaves_a_long_history_alone(project: Project, git: Git) -> None:
    shas = [commit(git, f"change {n}") for n in range(55)]
    assert result(project.script("git_commits.py"))["queued"] == 50
    assert project.claimed_shas() == shas[5:]


def test_a_rewritten_history_queues_only_what_is_new_in_it(project: Project, git: Git) -> None:
    kept = commit(git, "kept")
    commit(git, "to be amended")
    project.script("git_commits.py")
    project.claimed_shas()
    git("commit", "--quiet", "--allow-empty", "--amend", "--message", "amended")
    git("reflog", "expire", "--expire=now", "--all")
    git("gc", "--quiet", "--prune=now")
    amended = git("rev-parse", "HEAD")
    assert result(project.script("git_commits.py")) == {"head": amended, "seen": 2, "queued": 1}
    assert kept != amended
    assert project.claimed_shas() == [amended]


@pytest.mark.parametrize("empty_repository", [False, True])
def test_without_commits_there_is_nothing_to_queue(
    project: Project, git: Git, empty_repository: bool
) -> None:
    if not empty_repository:
        shutil.rmtree(project.root / ".git")
    answer = project.script("git_commits.py")
    assert answer.returncode == 0
    assert "nothing to queue" in answer.stdout


def test_a_digest_per_day_names_each_commit_once(project: Project, git: Git) -> None:
    first = commit(git, "Fix <b> & `ticks`", date="2026-11-20T23:30:00+00:00")
    second = commit(git, "Next", date="2026-11-21T01:30:00+01:00")
    third = commit(git, "Earlier by the clock", date="2026-11-20T09:00:00+00:00")
    project.script("git_commits.py")
    assert result(project.script("commit_digest.py")) == {"commits": 3}
    assert digest(project, "2026-11-20") == [
        "# Commits of 2026-11-20",
        "",
        f"- 09:00:00 `{third[:12]}` Earlier by the clock (Ada)",
        f"- 23:30:00 `{first[:12]}` Fix &lt;b&gt; &amp; `ticks` (Ada)",
    ]
    assert digest(project, "2026-11-21") == [
        "# Commits of 2026-11-21",
        "",
        f"- 00:30:00 `{second[:12]}` Next (Ada)",
    ]
    assert result(project.script("commit_digest.py")) == {"commits": 0}


def test_commits_of_one_second_stay_in_their_order(project: Project, git: Git) -> None:
    shas = [commit(git, f"change {n}") for n in range(6)]
    project.script("git_commits.py")
    project.script("commit_digest.py")
    lines = digest(project, "2026-11-20")[2:]
    assert [line.split("`")[1] for line in lines] == [sha[:12] for sha in shas]


def test_a_commit_delivered_again_is_written_once(project: Project, git: Git) -> None:
    sha = commit(git, "Delivered twice")
    project.script("git_commits.py")
    project.script("commit_digest.py")
    before = digest(project, "2026-11-20")
    project.forget_answers()
    assert result(project.script("commit_digest.py")) == {"commits": 1}
    assert digest(project, "2026-11-20") == before
    assert sum(sha[:12] in line for line in before) == 1


def test_an_item_that_is_no_commit_does_not_stop_the_others(project: Project, git: Git) -> None:
    with project.client() as jr:
        jr.enqueue("commits", {"sha": "not a commit"})
    commit(git, "Good")
    project.script("git_commits.py")
    assert result(project.script("commit_digest.py")) == {"commits": 1}
    assert any("Good" in line for line in digest(project, "2026-11-20"))


def test_no_half_written_digest_is_left(project: Project, git: Git) -> None:
    commit(git, "One")
    project.script("git_commits.py")
    project.script("commit_digest.py")
    assert [path.name for path in (project.data / "digests").iterdir()] == ["2026-11-20.md"]


def test_digests_are_counted_by_day_and_author(project: Project, git: Git) -> None:
    commit(git, "One (of two)", date="2026-11-20T10:00:00+00:00")
    commit(git, "Two", date="2026-11-20T11:00:00+00:00")
    commit(git, "Three", date="2026-11-21T10:00:00+00:00")
    project.script("git_commits.py")
    project.script("commit_digest.py")
    assert result(project.script("commit_stats.py")) == {"commits": 3, "days": 2}
    stats = json.loads((project.data / "stats.json").read_text(encoding="utf-8"))
    assert stats == {"days": {"2026-11-20": 2, "2026-11-21": 1}, "authors": {"Ada": 3}}


def test_the_front_page_shows_the_newest_days_and_the_machine(project: Project) -> None:
    stats = {"days": {f"2026-11-{day:02}": day for day in range(1, 21)}, "authors": {"A <b>": 210}}
    (project.data / "stats.json").write_text(json.dumps(stats))
    project.script("machine_sample.py")
    assert project.script("front_page.py").returncode == 0
    lines = front_page(project)
    assert lines[:3] == ["# This repository", "", f"- [2026-11-20](digests/2026-11-20.md) `{'#' * 40}` 20"]
    assert lines[15] == f"- [2026-11-07](digests/2026-11-07.md) `{'#' * 14}` 7"
    assert lines[16:18] == ["", "- A &lt;b&gt;: 210"]
    assert lines[19].startswith("Free on disk at ")


def test_the_front_page_is_there_also_without_commits(project: Project) -> None:
    assert project.script("front_page.py").returncode == 0
    assert front_page(project) == ["# This repository"]


def front_page(project: Project) -> list[str]:
    return (project.data / "front-page.md").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("block", OWN, ids=lambda block: block.info[0])
def test_the_page_on_the_graph_shows_that_of_these_jobs(project: Project, block: Block) -> None:
    form = {"text": "text", "mermaid": "mermaid"}[block.info[0]]
    shown = block.text.removeprefix("$ jeeves-runner graph\n")
    assert shown == project.command("graph", "--format", form)


def test_nothing_is_to_be_warned_of(project: Project) -> None:
    assert "5 jobs" in (told := project.command("validate", "--strict"))
    assert "0 errors, 0 warnings" in told


@pytest.mark.service
def test_a_commit_comes_to_the_front_page_by_jobs_that_start_one_another(project: Project, git: Git) -> None:
    commit(git, "The first")
    with (project.root / "jeeves-runner.yaml").open("a") as config:
        config.write("port: 0\n")
    project.command("apply", "--take-over")  # the database is a copy
    with serving(project.root) as server:
        until(lambda: server.job("machine-sample")["last_status"] == "ok")
        project.command("trigger", "git-commits", "--wait", "--force")
        until(lambda: server.job("front-page")["last_status"] == "ok")
    assert "- Ada: 1" in front_page(project)
    chain = [newest_run(project, job) for job in ("front-page", "commit-stats", "commit-digest")]
    assert [run["trigger"] for run in chain] == ["after", "change", "queue"]
    assert [run["caused_by"].get("runs", []) for run in chain] == [[chain[1]["id"]], [chain[2]["id"]], []]
    assert "enqueued by  run" in project.command("queue", "item", "1")
    assert "1 item of queue commits: 1" in project.command("run", str(chain[2]["id"]), "--lineage")
    assert "the jobs it follows had ended" in project.command("why", "front-page")


def newest_run(project: Project, job: str) -> Any:
    return json.loads(project.command("runs", job, "--json"))["runs"][0]


def digest(project: Project, day: str) -> list[str]:
    return (project.data / "digests" / f"{day}.md").read_text(encoding="utf-8").splitlines()


def test_a_sample_is_one_line_of_the_days_file(project: Project) -> None:
    reported = [result(project.script("machine_sample.py")) for _ in range(2)]
    lines = [json.loads(line) for file in samples(project) for line in file.read_text().splitlines()]
    assert [line["at"] for line in lines] == [report["at"] for report in reported]
    assert 0 < lines[0]["disk_free"] <= lines[0]["disk_total"]
    with project.client() as jr:
        assert jr.get_state("machine-sample", "latest") == lines[-1]


def test_samples_of_days_long_past_are_dropped(project: Project) -> None:
    folder = project.data / "samples"
    folder.mkdir(parents=True)
    # 4 and 5 days ago: room for midnight to pass while the test runs.
    days = [(datetime.now(UTC) - timedelta(days=age)).date().isoformat() for age in (1, 4, 5)]
    for day in days:
        (folder / f"{day}.jsonl").write_text("{}\n", encoding="utf-8")
    (folder / "notes.jsonl").write_text("{}\n", encoding="utf-8")
    assert result(project.script("machine_sample.py", "--keep-days", "3"))["files_dropped"] == 2
    assert {days[0], "notes"} <= {file.stem for file in samples(project)}


def test_a_torn_line_spoils_itself_alone(project: Project) -> None:
    script = runpy.run_path(str(project.root / "scripts" / "machine_sample.py"))
    path = project.root / "torn.jsonl"
    path.write_bytes(b'{"at": 1}\n{"at"')
    script["append_line"](path, '{"at": 3}')
    script["append_line"](path, '{"at": 4}')
    assert path.read_text().splitlines() == ['{"at": 1}', '{"at"', '{"at": 3}', '{"at": 4}']


def test_memory_is_unknown_where_the_system_has_no_such_table(project: Project) -> None:
    script = runpy.run_path(str(project.root / "scripts" / "machine_sample.py"))
    assert script["memory"](project.root / "missing") == (None, None)
    table = project.root / "meminfo"
    table.write_text("MemTotal:       2048 kB\nMemFree: 5 kB\nMemAvailable:   1024 kB\nHugePages_Total: 0\n")
    assert script["memory"](table) == (2048 * 1024, 1024 * 1024)


def samples(project: Project) -> list[Path]:
    return sorted((project.data / "samples").glob("*.jsonl"))
