"""``init`` makes a project anywhere; ``add-job`` adds manifests to it."""

import errno
import json
import os
import stat
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.cli.main import main
from jeeves_runner.core.manifest_text import flow_text, manifest_text

MADE = {
    "jeeves-runner.yaml",
    "jobs.d/hello.yaml",
    "scripts/hello.py",
    ".pre-commit-config.yaml",
    ".github/workflows/jobs.yml",
    ".gitignore",
    ".jeeves-runner/manifest.schema.json",
    ".jeeves-runner/config.schema.json",
}


def run(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def tree(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def project(here: Path) -> Path:
    assert run("init").exit_code == 0
    return here


class TestInit:
    def test_it_says_what_it_wrote_and_what_comes_next(self, here: Path) -> None:
        answer = run("init", "new/project")
        assert answer.exit_code == 0
        assert set(tree(here / "new/project")) == MADE
        assert all(f"wrote      {name}" in answer.output for name in MADE)
        assert "cd new/project" in answer.output
        assert "jeeves-runner serve" in answer.output

    def test_what_it_wrote_is_valid(self, project: Path) -> None:
        answer = run("validate", "--strict")
        assert answer.exit_code == 0, answer.output

    def test_the_editor_finds_the_schemas_without_network(self, project: Path) -> None:
        for name in ("jeeves-runner.yaml", "jobs.d/hello.yaml"):
            first = (project / name).read_text().splitlines()[0]
            assert first.startswith("# yaml-language-server: $schema=")
            schema = (project / name).parent / first.partition("=")[2]
            assert json.loads(schema.read_text())["$schema"].startswith("https://json-schema.org/")

    def test_its_script_can_be_executed_and_data_and_secrets_stay_out_of_git(self, project: Path) -> None:
        assert os.access(project / "scripts/hello.py", os.X_OK)
        assert {"/data/", "/secrets/"} <= set((project / ".gitignore").read_text().splitlines())

    def test_the_second_time_changes_nothing(self, project: Path) -> None:
        before = tree(project)
        answer = run("init")
        assert answer.exit_code == 0
        assert answer.output.count("unchanged  ") == len(MADE)
        assert tree(project) == before

    def test_what_is_there_stays_as_it_is(self, here: Path) -> None:
        (here / "jeeves-runner.yaml").write_text("port: 4711\n")
        answer = run("init")
        assert "skipped    jeeves-runner.yaml" in answer.output
        assert (here / "jeeves-runner.yaml").read_text() == "port: 4711\n"
        assert (here / "jobs.d/hello.yaml").exists()

    @pytest.mark.parametrize("words", [[], ["--force"], ["--systemd"]])
    def test_an_example_that_was_deleted_does_not_come_back(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
    ) -> None:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(project / "home"))
        for name in ("jobs.d/hello.yaml", "scripts/hello.py"):
            (project / name).unlink()
        answer = run("init", *words)
        assert answer.exit_code == 0, answer.output
        assert "hello" not in answer.output
        assert list((project / "jobs.d").iterdir()) == list((project / "scripts").iterdir()) == []

    def test_an_example_does_not_come_among_jobs_that_are_there(self, here: Path) -> None:
        (here / "jobs.d").mkdir()
        (here / "jobs.d/mine.yaml").write_text("run: 'true'\ntimeout: 1m\n")
        assert run("init").exit_code == 0
        ours = {name for name in MADE if "hello" not in name}
        assert set(tree(here)) == {"jobs.d/mine.yaml", *ours}

    def test_a_folder_of_jobs_that_may_not_be_read_is_named(
        self, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def forbid(path: object) -> list[str]:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

        (here / "jobs.d").mkdir()
        monkeypatch.setattr(os, "listdir", forbid)
        answer = run("init")
        assert answer.exit_code == 2
        assert "jobs.d cannot be read: Permission denied; nothing was written" in answer.stderr
        monkeypatch.undo()
        assert set(tree(here)) == set()

    @pytest.mark.parametrize("force", [[], ["--force"]])
    def test_a_gitignore_gets_the_lines_it_lacks(self, here: Path, force: list[str]) -> None:
        (here / ".gitignore").write_text("mine")
        assert "extended   .gitignore" in run("init", *force).output
        lines = (here / ".gitignore").read_text().splitlines()
        assert lines[0] == "mine"
        assert "/data/" in lines
        assert "unchanged  .gitignore" in run("init").output

    def test_an_older_schema_is_renewed(self, project: Path) -> None:
        (project / ".jeeves-runner/manifest.schema.json").write_text("{}")
        assert "replaced   .jeeves-runner/manifest.schema.json" in run("init").output

    def test_below_the_top_of_a_repository_it_says_where_ci_is_read(self, here: Path) -> None:
        (here / ".git").mkdir()
        assert "inside the git repository" not in run("init").output
        assert "inside the git repository" in run("init", "sub dir").output
        assert "cd 'sub dir'" in run("init", "sub dir").output

    def test_nothing_is_left_of_a_write_that_fails(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr("os.fchmod", full)
        assert "No space left" in run("init").stderr
        assert list(here.iterdir()) == []

    def test_force_replaces_it(self, here: Path) -> None:
        (here / "jeeves-runner.yaml").write_text("port: 4711\n")
        assert "replaced   jeeves-runner.yaml" in run("init", "--force").output
        assert "4711" not in (here / "jeeves-runner.yaml").read_text()

    def test_a_link_to_nowhere_counts_as_something_there(self, here: Path) -> None:
        (here / ".gitignore").symlink_to("nowhere")
        assert "skipped    .gitignore" in run("init").output
        assert not (here / "nowhere").exists()

    def test_new_files_obey_the_umask(self, here: Path) -> None:
        before = os.umask(0o027)
        try:
            run("init")
        finally:
            os.umask(before)
        assert stat.S_IMODE((here / "jobs.d/hello.yaml").stat().st_mode) == 0o640
        assert stat.S_IMODE((here / "scripts/hello.py").stat().st_mode) == 0o750

    def test_a_file_in_the_way_of_a_folder_is_named(self, here: Path) -> None:
        (here / "jobs.d").write_text("")
        answer = run("init")
        assert answer.exit_code == 2
        assert "jobs.d is no folder" in answer.stderr
        assert [path.name for path in here.iterdir()] == ["jobs.d"]

    @pytest.mark.parametrize("place", ["deploy/jobs", "../elsewhere"])
    def test_manifests_come_where_the_config_has_them(self, here: Path, place: str) -> None:
        root = here / "project"
        root.mkdir()
        (root / "jeeves-runner.yaml").write_text(f"jobs_dir: {place}\n")
        assert run("init", "project").exit_code == 0
        assert not (root / "jobs.d").exists()
        manifest = root / place / "hello.yaml"
        schema = manifest.parent / manifest.read_text().splitlines()[0].partition("=")[2]
        assert schema.resolve() == root / ".jeeves-runner/manifest.schema.json"
        answer = run("-c", str(root / "jeeves-runner.yaml"), "validate", "--strict")
        assert answer.output.startswith("Valid: 1 manifest, 1 job declared")

    def test_a_broken_config_is_named_and_nothing_is_written(self, here: Path) -> None:
        (here / "jeeves-runner.yaml").write_text("job_dir: x\n")
        answer = run("init")
        assert answer.exit_code == 2
        assert "job_dir" in answer.stderr
        assert len(tree(here)) == 1

    def test_json(self, here: Path) -> None:
        answer = json.loads(run("init", "--json").output)
        assert answer == {"folder": str(here), "files": dict.fromkeys(MADE, "wrote")}


class TestAddJob:
    def test_a_manifest_and_its_script(self, project: Path) -> None:
        answer = run(
            "add-job",
            "nightly",
            "--schedule",
            "H 3 * * *",
            "--script",
            "scripts/nightly.py",
            "--timeout",
            "10m",
        )
        assert answer.exit_code == 0, answer.output
        assert (project / "jobs.d/nightly.yaml").read_text() == (
            "# yaml-language-server: $schema=../.jeeves-runner/manifest.schema.json\n"
            'schedule: "H 3 * * *"\n'
            "script: scripts/nightly.py\n"
            "timeout: 10m\n"
        )
        assert os.access(project / "scripts/nightly.py", os.X_OK)
        assert run("validate", "--strict").exit_code == 0

    def test_a_script_that_is_there_stays_as_it_is(self, project: Path) -> None:
        before = (project / "scripts/hello.py").read_bytes()
        assert run("add-job", "again", "--script", "scripts/hello.py", "--timeout", "1m").exit_code == 0
        assert (project / "scripts/hello.py").read_bytes() == before

    def test_several_schedules_a_zone_and_a_command(self, project: Path) -> None:
        when = ["--schedule", "0 8 * * *", "--schedule", "0 20 * * *", "--timezone", "Europe/Vienna"]
        what = ["--command", "rsync -a 'my files' /backup", "--timeout", "1h", "--description", "on: time"]
        answer = run("add-job", "sync", *when, *what)
        assert answer.exit_code == 0, answer.output
        assert yaml.safe_load((project / "jobs.d/sync.yaml").read_text()) == {
            "description": "on: time",
            "schedule": ["0 8 * * *", "0 20 * * *"],
            "timezone": "Europe/Vienna",
            "command": ["rsync", "-a", "my files", "/backup"],
            "timeout": "1h",
        }

    def test_every_kind_of_entry(self, project: Path) -> None:
        entries = ["{every: 11m, from: 2026-12-01T06:00}", "0 9 * * *", '{rrule: "FREQ=DAILY;BYHOUR=9"}']
        when = [word for entry in entries for word in ("--schedule", entry)]
        answer = run("add-job", "often", *when, "--run", "true", "--timeout", "1m")
        assert answer.exit_code == 0, answer.output
        assert yaml.safe_load((project / "jobs.d/often.yaml").read_text())["schedule"] == [
            {"every": "11m", "from": "2026-12-01T06:00"},
            "0 9 * * *",
            {"rrule": "FREQ=DAILY;BYHOUR=9"},
        ]

    @pytest.mark.parametrize(
        ("entry", "hint"),
        [
            ("{evry: 5m}", "did you mean `every`?"),
            ("{every: 5m", "write it as in a manifest: '{every: 11m}'"),
        ],
    )
    def test_a_wrong_entry(self, project: Path, entry: str, hint: str) -> None:
        answer = run("add-job", "wrong", "--run", "true", "--schedule", entry)
        assert answer.exit_code == 64
        assert hint in answer.stderr
        assert not (project / "jobs.d/wrong.yaml").exists()

    def test_a_prompt_makes_a_session(self, project: Path) -> None:
        with (project / "jeeves-runner.yaml").open("a") as config:
            config.write("gateway: {url: 'http://127.0.0.1:18789'}\n")
        what = ["--prompt", "Sort {{ params.box }}: {# all #} of it.", "--timeout", "5m"]
        answer = run("add-job", "sort", *what)
        assert answer.exit_code == 0, answer.output
        assert yaml.safe_load((project / "jobs.d/sort.yaml").read_text()) == {
            "type": "session",
            "prompt": "Sort {{ params.box }}: {# all #} of it.",
            "timeout": "5m",
        }

    def test_a_warning_is_shown_and_holds_nothing(self, project: Path) -> None:
        answer = run("add-job", "endless", "--run", "true")
        assert answer.exit_code == 0
        assert "warning" in answer.output
        assert (project / "jobs.d/endless.yaml").exists()

    @pytest.mark.parametrize(
        ("words", "code", "message"),
        [
            (["x", "--run", "true", "--schedule", "0 0 31 2 *"], 64, ""),
            (["x", "--run", "true", "--timezone", "Mars/Base"], 64, "Mars/Base"),
            (["x", "--run", "true", "--timeout", "soon"], 64, "soon"),
            (["x", "--script", "scripts/missing.rb"], 64, "missing.rb"),
            (["../x", "--run", "true"], 64, "../x"),
            (["X", "--run", "true"], 64, "X"),
            (["x"], 64, "exactly one"),
            (["x", "--prompt", "Sort it."], 64, "needs a gateway, and the config names none"),
            (["x", "--prompt", "Sort it.", "--run", "true"], 64, "exactly one"),
            (["x", "--run", "true", "--script", "a.py"], 64, "exactly one"),
            (["x", "--command", "echo 'open"], 64, "--command"),
        ],
    )
    def test_what_is_wrong_is_refused_and_nothing_is_written(
        self, project: Path, words: list[str], code: int, message: str
    ) -> None:
        before = tree(project)
        answer = run("add-job", *words)
        assert answer.exit_code == code, answer.output
        assert message in answer.stderr
        assert tree(project) == before

    def test_an_id_declared_elsewhere_is_refused_naming_the_place(self, project: Path) -> None:
        (project / "jobs.d/many.yaml").write_text("jobs:\n  - id: taken\n    run: 'true'\n    timeout: 1m\n")
        answer = run("add-job", "taken", "--run", "true")
        assert answer.exit_code == 2
        assert "jobs.d/many.yaml:2" in answer.stderr
        assert not (project / "jobs.d/taken.yaml").exists()

    def test_broken_defaults_are_named(self, project: Path) -> None:
        (project / "jobs.d/_defaults.yaml").write_text("defaults: [")
        before = tree(project)
        answer = run("add-job", "new", "--run", "true")
        assert answer.exit_code == 2
        assert "the defaults for the new job are broken: jobs.d/_defaults.yaml:1:12: " in answer.stderr
        assert tree(project) == before

    @pytest.mark.parametrize("name", ["hello.yaml", "hello.yml"])
    def test_a_file_of_that_name_is_never_replaced(self, project: Path, name: str) -> None:
        (project / "jobs.d/hello.yaml").rename(project / "jobs.d" / name)
        before = tree(project)
        answer = run("add-job", "hello", "--run", "true")
        assert answer.exit_code == 2
        assert name in answer.stderr
        assert tree(project) == before

    def test_json(self, project: Path) -> None:
        answer = json.loads(run("add-job", "quiet", "--run", "true", "--timeout", "1m", "--json").output)
        made = [str(project / "jobs.d/quiet.yaml")]
        assert answer == {"id": "quiet", "files": made, "next_run": None, "problems": []}


TEXTS = st.text(st.characters(codec="utf-8")) | st.sampled_from(
    [
        "on",
        "No",
        "null",
        "12:30",
        "0777",
        "1e3",
        "5m",
        "a\nb\n",
        "a\n\n b",
        " a\nb",
        "a\nb",
        "a\n\n",
        "#x",
        "a: b",
        "- a",
    ]
)


@given(TEXTS, st.lists(TEXTS))
def test_a_manifest_says_what_was_given(text: str, words: list[str]) -> None:
    keys: dict[str, object] = {"run": text, "command": words}
    assert yaml.safe_load(manifest_text(keys)) == keys


@pytest.mark.parametrize("length", ["500ms", "30s", "1h30m", "2d12h", "1m500ms"])
def test_a_length_of_time_stands_as_people_write_it(length: str) -> None:
    assert flow_text(length) == length
    assert yaml.safe_load(manifest_text({"timeout": length})) == {"timeout": length}
