"""``job --explain``: where each value of a job comes from, by the files as they are now."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.cli import words
from support.project import Project

from jeeves_runner.cli.main import main

MAIL = """\
    defaults:
      timeout: 6m
    jobs:
      - id: fetch
        schedule: "*/10 * * * *"
        timeout: 7m
        env: {TOKEN: {file: token}}
        run: echo
      - id: purge
        run: echo
    """


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    project = Project(tmp_path)
    (tmp_path / "token").write_text("hunter2")
    project.write("_defaults.yaml", "defaults: {timeout: 5m, env: {TOKEN: hunter2, A: b}}\n")
    project.write("mail.yaml", MAIL)
    return project


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["job", *args, "--explain"])


def told(job: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run(job, "--json").stdout)["explanation"]
    return document


def key(document: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [each for each in document["keys"] if each["key"] == name]
    assert isinstance(found, dict)
    return found


def place(said: dict[str, Any]) -> tuple[str, str | None, int | None, int | None]:
    return said["origin"], said["file"], said["line"], said["column"]


def test_each_value_is_told_with_its_place_and_what_it_replaced(project: Project) -> None:
    document = told("fetch")
    timeout = key(document, "timeout")
    assert (timeout["value"], place(timeout)) == ("7m", ("job", "jobs.d/mail.yaml", 6, 14))
    assert [(each["value"], place(each)) for each in timeout["overrides"]] == [
        ("5m", ("folder_defaults", "jobs.d/_defaults.yaml", 1, 21)),
        ("6m", ("file_defaults", "jobs.d/mail.yaml", 2, 12)),
    ]
    assert place(key(document, "env.A")) == ("folder_defaults", "jobs.d/_defaults.yaml", 1, 50)
    timezone = key(document, "timezone")
    assert (place(timezone), timezone["setting"]) == (("config", "jeeves-runner.yaml", 1, 11), "timezone")
    assert place(key(document, "kill_grace")) == ("built_in", None, None, None)
    lines = [words(line) for line in run("fetch").stdout.splitlines()]
    assert (
        "timeout 7m jobs.d/mail.yaml:6:14 "
        "6m at jobs.d/mail.yaml:2:12 (defaults); 5m at jobs.d/_defaults.yaml:1:21"
    ) in lines
    assert "timezone UTC jeeves-runner.yaml:1:11 (timezone)" in lines
    assert "kill_grace 10s built in" in lines


def test_no_secret_is_told(project: Project) -> None:
    token = key(told("fetch"), "env.TOKEN")
    assert (token["value"], token["overrides"][0]["value"]) == ({"file": "token"}, "***")
    assert "hunter2" not in run("fetch").stdout + run("fetch", "--json").stdout


def test_it_needs_no_database_and_no_apply(project: Project) -> None:
    document = told("fetch")
    assert (document["state"], document["revision"], document["differences"]) == ("pending", None, [])
    assert "live not yet; it waits for an apply" in [words(line) for line in run("fetch").stdout.splitlines()]
    assert not project.config.db_path.exists()


def test_what_an_apply_would_change_is_told_as_diff_tells_it(project: Project) -> None:
    project.apply()
    document = told("fetch")
    assert (document["state"], document["revision"]["id"], document["differences"]) == ("applied", 1, [])
    project.write("mail.yaml", MAIL.replace("7m", "8m"))
    document = told("fetch")
    assert document["state"] == "pending"
    assert document["differences"] == [{"path": "timeout", "old": "7m", "new": "8m"}]
    assert "  timeout: 7m -> 8m\n" in run("fetch").stdout
    assert told("purge")["state"] == "applied"


def test_of_an_invalid_job_what_is_written_is_told_with_what_is_wrong(project: Project) -> None:
    project.apply()
    project.write("mail.yaml", MAIL.replace("7m", "7"))
    document = told("fetch")
    assert (document["state"], document["valid"]) == ("held", False)
    assert [(each["line"], each["column"]) for each in document["problems"]] == [(6, 14)]
    assert key(document, "timeout")["value"] == 7
    assert "kill_grace" not in {each["key"] for each in document["keys"]}
    assert "Only what is written is shown" in run("fetch").stdout
    text = run("fetch").stdout
    assert "held as it was: line 6: `timeout` must be a duration" in text
    assert "jobs.d/mail.yaml:6:14: error: `timeout` must be a duration" in text
    assert told("purge")["state"] == "applied"


def test_of_a_file_that_cannot_be_read_the_live_values_are_told(project: Project) -> None:
    project.apply()
    project.write("mail.yaml", "jobs: [\n")
    document = told("fetch")
    assert (document["state"], document["valid"]) == ("held", False)
    assert {each["origin"] for each in document["keys"]} == {"live"}
    assert key(document, "env.TOKEN")["value"] == {"file": "token"}
    assert key(document, "timeout")["value"] == "7m"
    text = run("fetch").stdout
    assert "jobs.d/mail.yaml:2:1: error: " in text
    assert "these are the values that were last applied" in text


def test_broken_defaults_are_told_with_the_own_values_of_the_job(project: Project) -> None:
    project.apply()
    project.write("_defaults.yaml", "defaults: {tiemout: 5m}\n")
    document = told("fetch")
    assert (document["state"], document["message"]) == ("held", "jobs.d/_defaults.yaml is broken")
    assert key(document, "timeout")["value"] == "7m"
    assert document["problems"][0]["file"] == "jobs.d/_defaults.yaml"


def test_a_broken_job_that_was_never_applied_is_told_too(project: Project) -> None:
    project.write("new.yaml", "run: echo\ntimeout: 5\n")
    document = told("new")
    assert (document["state"], document["revision"]) == ("broken", None)
    assert place(key(document, "id")) == ("file_name", "jobs.d/new.yaml", None, None)
    project.write("unread.yaml", "run: [\n")
    document = told("unread")
    assert (document["state"], document["keys"], len(document["problems"])) == ("broken", [], 1)
    assert "nothing of it was ever applied" in run("unread").stdout


def test_a_job_in_what_cannot_be_read_is_told_by_its_file(project: Project) -> None:
    project.write("many.yaml", "jobs:\n  - id: first\n    run: echo\n  - {id: second, run: [\n")
    document = told("second")
    assert (document["state"], document["file"], document["keys"]) == ("broken", "jobs.d/many.yaml", [])
    assert document["problems"][0]["file"] == "jobs.d/many.yaml"
    assert run("secon").exit_code == 2
    project.write("many.yaml", "jobs:\n  - id: first\n    run: 'echo id: second'\n")
    assert run("second").exit_code == 2


def test_empty_values_are_shown_as_they_are_written(project: Project) -> None:
    project.write("a.yaml", "run: echo\ntimeout: 1m\ntags: []\nargs: null\n")
    lines = [words(line) for line in run("a").stdout.splitlines()]
    assert "tags [] jobs.d/a.yaml:3:7" in lines
    assert "args (none) built in null at jobs.d/a.yaml:4:7: null takes the default away" in lines


def test_a_job_that_no_file_declares_any_more_is_told_as_it_is_live(project: Project) -> None:
    project.apply()
    project.write("mail.yaml", MAIL[: MAIL.index("  - id: purge")])
    document = told("purge")
    assert (document["state"], key(document, "timeout")["value"]) == ("undeclared", "6m")
    assert "no manifest declares it any more: an apply deletes it" in run("purge").stdout
    project.write("other.yaml", "run: [\n")
    document = told("purge")
    assert (document["state"], document["message"]) == (
        "undeclared",
        "it is deleted once no manifest is broken",
    )


def test_a_job_declared_twice_is_held_and_the_other_place_named(project: Project) -> None:
    project.apply()
    project.write("zz.yaml", "id: fetch\nrun: echo twice\n")
    document = told("fetch")
    assert (document["state"], document["file"]) == ("held", "jobs.d/mail.yaml")
    assert "jobs.d/zz.yaml:1" in document["problems"][0]["message"]


def test_a_job_without_its_script_is_held_with_all_its_values(project: Project) -> None:
    project.apply()
    project.write("mail.yaml", MAIL.replace("        run: echo\n", "        script: bin/fetch.sh\n", 1))
    document = told("fetch")
    assert (document["state"], document["valid"]) == ("held", True)
    assert "bin/fetch.sh" in document["problems"][0]["message"]
    assert {each["path"] for each in document["differences"]} == {"script", "run"}
    assert key(document, "kill_grace")["value"] == "10s"


def test_a_job_that_moved_is_told_by_its_new_file(project: Project) -> None:
    project.apply()
    project.write("mail.yaml", MAIL[: MAIL.index("  - id: purge")])
    project.write("moved.yaml", "id: purge\nrun: echo\ntimeout: 6m\n")
    document = told("purge")
    assert (document["state"], document["file"]) == ("pending", "jobs.d/moved.yaml")
    assert {"path": "file", "old": "jobs.d/mail.yaml", "new": "jobs.d/moved.yaml"} in document["differences"]


def test_a_job_that_gets_another_id_is_told_under_both(project: Project) -> None:
    project.apply()
    project.write("mail.yaml", MAIL.replace("id: purge", "id: clean\n        renamed_from: purge"))
    document = told("clean")
    assert (document["state"], document["message"]) == ("pending", "it is renamed from purge")
    assert document["revision"]["id"] == 1
    assert {"path": "id", "old": "purge", "new": "clean"} in document["differences"]
    document = told("purge")
    assert (document["state"], document["message"]) == ("undeclared", "an apply renames it to clean")
    project.apply()
    assert told("clean")["state"] == "applied"
    assert "job purge was renamed to clean" in run("purge").stderr


def test_a_job_changed_by_hand_is_told_so(project: Project) -> None:
    project.apply()
    project.conn.execute("UPDATE jobs SET schedule = '* * * * *' WHERE id = 'fetch'")
    document = told("fetch")
    assert (document["state"], document["message"]) == ("pending", "it was changed by hand in the database")
    assert [each["path"] for each in document["differences"]] == ["schedule"]


def test_an_unknown_job_is_an_error(project: Project) -> None:
    before = run("fetsh")
    assert (before.exit_code, "no manifest declares a job fetsh" in before.stderr) == (2, True)
    project.apply()
    after = run("fetsh")
    assert (after.exit_code, "did you mean fetch?" in after.stderr) == (2, True)
