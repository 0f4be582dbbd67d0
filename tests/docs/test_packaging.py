"""The built wheels, installed alone: what a user gets, not what the source tree has."""

import os
import shlex
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Mapping
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml
from support.git_tree import git
from support.learner import followed
from support.server import new_project, save, serving

from jeeves_runner import __version__

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "jeeves_runner"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

Answer = subprocess.CompletedProcess[str]
Run = Callable[..., Answer]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The program, and the client of scripts."""
    out = tmp_path_factory.mktemp("dist")
    # Whatever environment this is, make finds it ready: one that is older than the locks it would make anew.
    ready = out.with_name(f"{out.name}.ready")
    ready.touch()
    words = [
        "make",
        "--silent",
        "dist",
        f"DIST={out}",
        f"BIN={Path(sys.executable).parent}",
        f"STAMP={ready}",
    ]
    built = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    found = sorted(out.iterdir())
    assert built.stdout == "".join(f"{wheel}\n" for wheel in found)
    return found


@pytest.fixture(scope="module")
def wheel(wheels: list[Path]) -> Path:
    return wheels[0]


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Variables of a clean virtual environment: our wheel, and this environment's libraries beside it."""
    home = tmp_path_factory.mktemp("venv")
    site = _install(wheel, home)
    # A path in a .pth file is searched, but the .pth files within it (such as our editable one) are not.
    libraries = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    (site / "libraries.pth").write_text("\n".join(libraries), encoding="utf-8")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "JR_"))}
    return {**inherited, "PATH": f"{home / 'bin'}:{os.environ['PATH']}", "VIRTUAL_ENV": str(home)}


def _install(wheel: Path, home: Path) -> Path:
    """Make an environment of a wheel without its libraries: its folder of packages."""
    venv.create(home, with_pip=False, symlinks=True)
    words = ["-m", "pip", "--python", str(home / "bin" / "python"), "install", "--quiet", "--no-index"]
    subprocess.run([sys.executable, *words, "--no-deps", str(wheel)], check=True)
    return next(home.glob("lib/python*/site-packages"))


@pytest.fixture
def run(environment: Mapping[str, str], tmp_path: Path) -> Run:
    def runner(*words: str) -> Answer:
        return subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60
        )

    return runner


def test_everything_the_program_reads_is_inside(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())
    data = [PACKAGE / "py.typed", *PACKAGE.glob("db/migrations/*.sql")]
    data += [path for path in PACKAGE.glob("templates/*") if path.is_file()]
    expected = {path.relative_to(ROOT).as_posix() for path in data}
    expected |= {f"jeeves_runner/schemas/{path.name}" for path in (ROOT / "schemas").glob("*.json")}
    assert any("schemas" in name for name in expected)
    assert expected - names == set()


def test_nothing_else_is_inside(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "jeeves_runner",
        f"jeeves_runner-{__version__}.dist-info",
    }
    assert [name for name in names if "__pycache__" in name or name.endswith(".pyc")] == []


def test_no_wheel_is_kept_among_the_sources() -> None:
    kept = subprocess.run(["git", "ls-files", "*.whl"], cwd=ROOT, capture_output=True, text=True, check=False)
    if kept.returncode:
        pytest.skip("needs a clone: git knows what is kept")
    assert kept.stdout.split() == []


def test_the_program_is_the_installed_one(run: Run, environment: Mapping[str, str]) -> None:
    where = run("python", "-c", "import jeeves_runner; print(jeeves_runner.__file__)")
    assert where.stdout.startswith(environment["VIRTUAL_ENV"])
    for words in (["jeeves-runner"], ["python", "-m", "jeeves_runner"]):
        answer = run(*words, "--version")
        assert (answer.returncode, answer.stdout) == (0, f"jeeves-runner {__version__}\n")


def test_a_new_project_is_valid_and_declares_its_job(run: Run) -> None:
    assert run("jeeves-runner", "init").returncode == 0
    checked = run("jeeves-runner", "validate", "--strict")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    compared = run("jeeves-runner", "diff", "--against", "empty")
    assert compared.returncode == 1, compared.stdout + compared.stderr
    assert "hello" in compared.stdout


def test_the_first_apply_makes_the_database(run: Run, tmp_path: Path) -> None:
    run("jeeves-runner", "init")
    applied = run("jeeves-runner", "apply")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert (tmp_path / "data" / "runner.sqlite").exists()
    assert run("jeeves-runner", "diff").returncode == 0


def test_the_checks_that_init_writes_pass_as_written(run: Run, tmp_path: Path) -> None:
    run("jeeves-runner", "init")
    hooks = yaml.safe_load((tmp_path / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    steps = yaml.safe_load((tmp_path / ".github/workflows/jobs.yml").read_text())["jobs"]["validate"]["steps"]
    written = [step["run"] for step in steps if "jeeves-runner " in step.get("run", "")]
    assert len(written) == 3
    job = tmp_path / "jobs.d" / "hello.yaml"
    for has_commit in (False, True):
        if has_commit:
            git(tmp_path, "init", "-q", "-b", "main")
            git(tmp_path, "add", "-A")
            git(tmp_path, "commit", "-qm", "Say hello")
            git(tmp_path, "update-ref", "refs/remotes/origin/main", "HEAD")
            job.write_text(job.read_text().replace("timeout: 30s", "timeout: 40s"))
        checks = [run(*shlex.split(hook["entry"])) for hook in hooks]
        assert [check.returncode for check in checks] == [0, 0], checks
        assert ("timeout: 30s -> 40s" if has_commit else "+ job hello") in checks[1].stdout
    setting = "export GITHUB_BASE_REF=main GITHUB_STEP_SUMMARY=summary.md"
    for text in written:
        answer = run("sh", "-ec", f"{setting}; {text}")
        assert answer.returncode == 0, (text, answer.stdout, answer.stderr)
    assert "`timeout: 30s -> 40s`" in (tmp_path / "summary.md").read_text()


def test_the_workflow_finds_the_wheel_where_init_says(run: Run, wheel: Path, tmp_path: Path) -> None:
    run("jeeves-runner", "init")
    steps = yaml.safe_load((tmp_path / ".github/workflows/jobs.yml").read_text())["jobs"]["validate"]["steps"]
    (step,) = (step["run"] for step in steps if step.get("run", "").startswith("pip install "))
    assert step == f"pip install wheels/{wheel.name}"


def test_the_checks_that_init_writes_fail_on_a_broken_manifest(run: Run, tmp_path: Path) -> None:
    run("jeeves-runner", "init")
    (tmp_path / "jobs.d" / "broken.yaml").write_text("schedule: [\n", encoding="utf-8")
    hooks = yaml.safe_load((tmp_path / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert [run(*shlex.split(hook["entry"])).returncode != 0 for hook in hooks] == [True, True]
    # By its files a hook would be skipped for a commit that only deletes some.
    assert [hook["always_run"] and "files" not in hook for hook in hooks] == [True, True]


# The client alone

LIBRARIES = ("apsw", "jsonschema_rs")
"""All that it may need besides itself."""


def _environment_of_a_script(wheels: list[Path], home: Path) -> None:
    site = _install(wheels[1], home)
    for name in LIBRARIES:
        (site / name).symlink_to(Path(sysconfig.get_path("platlib"), name))


def test_the_client_needs_what_its_wheel_declares(wheels: list[Path]) -> None:
    with ZipFile(wheels[1]) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        lines = archive.read(metadata).decode().splitlines()
    declared = [line.split()[1].partition(">")[0] for line in lines if line.startswith("Requires-Dist:")]
    assert [name.replace("-", "_") for name in declared] == list(LIBRARIES)
    assert f"Version: {__version__}" in lines


@pytest.mark.service
def test_the_guide_to_environments_works(wheels: list[Path], tmp_path: Path) -> None:
    """A script whose environment has the client alone; the queue's payloads have a schema."""
    root = new_project(tmp_path)
    (root / "scripts").mkdir()
    save(root, "queues.yaml", QUEUE)
    _environment_of_a_script(wheels, root / ".venv")
    assert followed("how-to/use-an-environment-of-its-own.md", root) == [0]


@pytest.mark.service
def test_the_client_alone_reaches_a_server_both_ways(wheels: list[Path], tmp_path: Path) -> None:
    root = new_project(tmp_path)
    save(root, "queues.yaml", QUEUE)
    save(root, "both.yaml", "run: exec .venv/bin/python both.py\ntimeout: 1m\n")
    (root / "both.py").write_text(BOTH_WAYS)
    _environment_of_a_script(wheels, root / ".venv")
    with serving(root) as server:
        _, answer = server.post("/jobs/both/run")
    assert answer["result"]["stdout"] == "1 refused\n2 refused\n", answer["result"]


QUEUE = "queues:\n  - id: reports\n    payload_schema: {required: [number]}\n"
BOTH_WAYS = """
import os
from jeeves_runner.client import Client
from jeeves_runner.errors import InvalidValue

for client in Client(), Client(url=os.environ["JR_API_URL"], token=os.environ["JR_TOKEN"]):
    with client as jr:
        jr.enqueue("reports", {"number": 1})
        (item,) = jr.claim("reports")
        jr.complete(item)
        try:
            jr.enqueue("reports", {})
        except InvalidValue:
            print(item.id, "refused")
"""
