"""Projects to measure with: realistic jobs, at least 2,000 distinct schedules, and some with ``H``."""

import random
from pathlib import Path

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo")
NAMED = (
    "0 6 * * mon-fri",
    "@daily",
    "@hourly",
    "*/15 8-18 * * *",
    "0 0 1 jan,jul *",
    "30 4 L * *",
    "0 9 * * 1#1",
)


def schedule(n: int, rng: random.Random) -> str:
    """The schedule of job ``n``. A sixth use ``H``, a tenth are common ones, all others differ."""
    if n % 6 == 0:
        return rng.choice(("H H * * *", "H * * * *", "H H(2-5) * * 0", "H/15 * * * *", "H H H * *"))
    if n % 10 == 0:
        return rng.choice(NAMED)
    minute, hour = n % 60, n // 60 % 24
    day = rng.choice(("*", "*", "*", "1", "15", "1,15", "10-20"))
    weekday = rng.choice(("*", "*", "mon-fri", "sun", "1,3,5"))
    return f"{minute} {hour} {day} * {weekday}"


def job_lines(n: int, rng: random.Random, changed: int = 0) -> list[str]:
    """One job of about a dozen lines. ``changed`` goes into its description and its timeout."""
    return [
        f"id: team{n % 50:02}-job-{n:05}",
        f"name: Job number {n}",
        f'description: "Collects part {n} of the report, round {changed}"',
        f'schedule: "{schedule(n, rng)}"',
        f"timezone: {ZONES[n % len(ZONES)]}",
        "run: |",
        f"  echo part {n}",
        f"timeout: {5 + changed}m",
        "env:",
        f"  PART: part-{n}",
        f"tags: [team{n % 50:02}, nightly]",
        "overlap_policy: skip",
    ]


_SOURCES = 200


def edge_lines(n: int) -> list[str]:
    """Two edges of job ``n``: it reads a source, and comes after the job before it. Each hundredth begins a
    pipeline: it comes after none and uses a password."""
    source = f'reads: ["source:mailbox-{n % _SOURCES:03}"]'
    if n % 100 == 0:
        return [source, f'uses: ["auth:team{n % 50:02}"]']
    return [source, f"after: team{(n - 1) % 50:02}-job-{n - 1:05}"]


def node_lines() -> list[str]:
    """The declarations of the nodes that ``edge_lines`` names."""
    sources = [f"  - {{id: mailbox-{n:03}, kind: source}}" for n in range(_SOURCES)]
    return ["nodes:", *sources, "  - {id: team00, kind: auth}"]


def write_small_project(root: Path, manifest: str, script: str, text: str) -> Path:
    """A project of one manifest and one script, served on a free port; returns where the script is."""
    path = root / script
    path.write_text(text)
    path.chmod(0o755)
    (root / "jobs.d").mkdir()
    (root / "jobs.d" / "jobs.yaml").write_text(manifest)
    (root / "jeeves-runner.yaml").write_text("port: 0\n")
    return path


def write_project(root: Path, *, files: int, jobs_per_file: int = 1, edges: bool = False) -> int:
    """Write a project of ``files`` manifests to ``root``; returns the number of distinct schedules.

    ``edges``: whether each job has two, and one more manifest declares their nodes.
    """
    rng = random.Random(7)
    folder = root / "jobs.d"
    folder.mkdir(parents=True)
    (root / "jeeves-runner.yaml").write_text("timezone: UTC\n")
    seen: set[str] = set()
    for f in range(files):
        numbers = range(f * jobs_per_file, (f + 1) * jobs_per_file)
        jobs = [job_lines(n, rng) + (edge_lines(n) if edges else []) for n in numbers]
        seen.update(line for job in jobs for line in job if line.startswith("schedule"))
        if jobs_per_file == 1:
            text = "\n".join(jobs[0])
        else:
            text = "jobs:\n" + "\n".join("  - " + "\n    ".join(job) for job in jobs)
        path = folder / f"group{f % 20:02}" / f"file-{f:05}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + "\n")
    if edges:
        (folder / "nodes.yaml").write_text("\n".join(node_lines()) + "\n")
    return len(seen)


def rewrite(root: Path, number: int, changed: int) -> Path:
    """Save the file of job ``number`` again with other content; its path. For projects of one job a file."""
    path = root / "jobs.d" / f"group{number % 20:02}" / f"file-{number:05}.yaml"
    path.write_text("\n".join(job_lines(number, random.Random(number), changed)) + "\n")
    return path
