"""The reference pages hold what schemas, schedules, scripts and the database are like."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from configparser import ConfigParser
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any, Final

import apsw
import pytest
from import_rules import ALL
from support.docs import (
    DOCS,
    ROOT,
    blocks,
    code,
    headings,
    only_code,
    read,
    section,
    table,
)

from jeeves_runner.config import config_schema, load_config
from jeeves_runner.core.edge_spec import Relation
from jeeves_runner.core.gap import catch_up
from jeeves_runner.core.inheritance import ALWAYS, OF_THE_RUNNER
from jeeves_runner.core.model import (
    CancelCause,
    CatchUp,
    ExitCodes,
    JobSpec,
    JobType,
    OverlapPolicy,
    Reason,
    Retries,
    RunStatus,
    SourceType,
    Trigger,
)
from jeeves_runner.core.node_spec import NodeKind
from jeeves_runner.core.outcome import MAX_SAID, Exited, outcome
from jeeves_runner.core.policy import DEPTH_LIMIT, Facts, Request, Verdict, admit
from jeeves_runner.core.precheck import LIMIT_MS, NOTHING_TO_DO
from jeeves_runner.core.prompt_filters import Work, filters_of
from jeeves_runner.core.prompt_template import NAMES
from jeeves_runner.core.reasons import REASONS
from jeeves_runner.core.run import SkippedTime
from jeeves_runner.core.schedule.schedule import parse_schedule
from jeeves_runner.core.schedule.timetable import Due
from jeeves_runner.db.connection import connect
from jeeves_runner.execute.contract import Order, RunFacts
from jeeves_runner.execute.local.environment import Surroundings, build_environment
from jeeves_runner.runner.stop import SLACK
from jeeves_runner.schemas_text import manifest_schema

# Keys of manifests and config

Schema = Mapping[str, Any]
MODEL_DEFAULTS: Final = {"retries.on": " and ".join(Retries(limit=0).on)}


def _keys(schema: Schema, prefix: str = "") -> dict[str, Schema]:
    """Every property by its dotted name."""
    found: dict[str, Schema] = {}
    for name, part in schema["properties"].items():
        found[prefix + name] = part
        if "properties" in part:
            found.update(_keys(part, f"{prefix}{name}."))
    return found


def _documents() -> Iterator[tuple[str, Schema, str]]:
    manifests = read("reference/manifest.md")
    parts = manifest_schema()["$defs"]
    yield "job", parts["job"], section(manifests, "Job keys")
    yield "queue", parts["queue"], section(manifests, "Queue keys")
    yield "node", parts["node"], section(manifests, "Node keys")
    yield "config", config_schema(), read("reference/config.md")


DOCUMENTS: Final = list(_documents())
KEYS: Final = [
    pytest.param(key, part, text, id=f"{kind}-{key}")
    for kind, schema, text in DOCUMENTS
    for key, part in _keys(schema).items()
]


@pytest.mark.parametrize(("schema", "text"), [d[1:] for d in DOCUMENTS], ids=[d[0] for d in DOCUMENTS])
def test_the_keys_described_are_those_there_are(schema: Schema, text: str) -> None:
    assert [only_code(row[0]) for row in table(text, "key")] == list(_keys(schema))


@pytest.mark.parametrize(("key", "part", "text"), KEYS)
def test_a_keys_default_and_words_are_as_described(key: str, part: Schema, text: str) -> None:
    _, meaning, default = next(row for row in table(text, "key") if row[0] == f"`{key}`")
    if "default" in part:
        value = part["default"]
        assert default == f"`{value if isinstance(value, str) else json.dumps(value)}`"
    elif key in MODEL_DEFAULTS:
        assert default == MODEL_DEFAULTS[key]
    else:
        assert not re.fullmatch("`[^`]*`", default), "the schema has no default"
    words = part.get("enum", []) or part.get("items", {}).get("enum", [])
    assert set(words) <= set(code(meaning))
    for bound in ("minimum", "maximum"):
        assert key == "port" or str(part.get(bound, "")) in meaning


def test_what_defaults_may_not_hold_is_listed() -> None:
    parts = manifest_schema()["$defs"]
    sentence = section(read("reference/manifest.md"), "Defaults").partition("except")[2]
    assert set(code(sentence)) == set(parts["job"]["properties"]) - set(parts["defaults"]["properties"])


def test_what_is_said_of_a_precheck_is_so() -> None:
    text = section(read("reference/manifest.md"), "Precheck")
    rows = [row[0] for row in table(text, "it ends with")]
    assert rows[1] == f"exit code {NOTHING_TO_DO}"
    assert f"within {LIMIT_MS // 1000} s" in rows[2]
    assert text.count(f"{MAX_SAID} characters") == 1


def test_the_values_and_filters_of_prompts_are_those_there_are() -> None:
    text = section(read("reference/manifest.md"), "Prompts")
    values = {each for row in table(text, "value") for each in code(row[0])}
    parts = {f"{root}.{part}" for root, known in NAMES.items() for part in known or ("NAME",)}
    assert values == parts
    described = {each.partition("(")[0] for row in table(text, "filter") for each in code(row[0])}
    assert described == set(filters_of(Work(0)))


# Schedules


@pytest.mark.parametrize("row", table(section(read("reference/schedule.md"), "Fields"), "name"))
def test_named_schedules_are_what_they_stand_for(row: list[str]) -> None:
    start = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
    for name in code(row[0]):
        named, plain = (parse_schedule([text], "UTC", "job") for text in (name, *code(row[1])))
        ours = list(named.between(start, start + timedelta(days=800)))
        assert ours
        assert ours == list(plain.between(start, start + timedelta(days=800)))


# Scripts


def test_the_variables_described_are_those_a_script_gets() -> None:
    run = RunFacts(
        run_id=1,
        job_id="job",
        mark="m",
        attempt=1,
        trigger="schedule",
        scheduled_for="2026-11-24T02:30:00.000Z",
        namespace="n",
        params={"<name>": ""},
        api_url="http://127.0.0.1:1937",
        caused_by='{"runs":[7]}',
        token="jrr_1_x",
    )
    around = Surroundings(
        project_dir="/p",
        data_dir="/d",
        db_path="/d/runner.sqlite",
        runners={},
        base_env={"JR_OTHER": "of another run"},
    )
    environment = build_environment(Order(JobSpec(id="job", name="job"), run), around)
    names = map(os.fsdecode, environment.variables)
    given = {name.replace("_NAME_", "<NAME>") for name in names if name.startswith("JR_")}
    assert given == {only_code(row[0]) for row in table(read("reference/script-environment.md"), "variable")}


def test_the_variables_that_are_not_inherited_are_named() -> None:
    intro = read("reference/script-environment.md").split("\n\nA variable that any")[0]
    named = {name for name in code(intro) if name.isupper() or name.isalnum()} - {"env", "JR_"}
    assert named == OF_THE_RUNNER


def test_the_variables_that_are_always_inherited_are_named() -> None:
    rows = table(read("reference/script-environment.md"), "always inherited")
    assert [tuple(code(row[0])) for row in rows] == [ALWAYS]


# The service


def test_the_unit_leaves_a_stop_its_time(tmp_path: Path) -> None:
    page = blocks(DOCS / "how-to/run-under-systemd.md")
    unit = ConfigParser()
    unit.read_string(next(block.text for block in page if "ini" in block.info))
    service = unit["Service"]
    assert (service["Type"], service["KillMode"]) == ("notify", "mixed")
    assert int(service["WatchdogSec"]) > 0
    grace = load_config(tmp_path, None).shutdown_grace_ms + JobSpec(id="job", name="job").kill_grace_ms
    assert int(service["TimeoutStopSec"]) > grace / 1000 + SLACK


# The database


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, set[str]]:
    """The columns of each table of a new database."""
    with closing(connect(tmp_path / "runner.sqlite", create=True)) as conn:
        names = conn.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        return {
            str(name): {
                str(column) for (column,) in conn.execute("SELECT name FROM pragma_table_info(?)", (name,))
            }
            for (name,) in names.fetchall()
        }


def test_the_tables_described_are_those_there_are(tables: dict[str, set[str]]) -> None:
    page = read("reference/database.md")
    others = section(page, "The other tables")
    assert {*headings(page, 3), *code(others)} == set(tables)


def test_the_columns_described_are_there(tables: dict[str, set[str]]) -> None:
    page = read("reference/database.md")
    for name in headings(page, 3):
        described = {only_code(row[0]) for row in table(section(page, name), "column")}
        assert described <= tables[name], name


@pytest.mark.parametrize(
    ("name", "column", "words"),
    [
        ("jobs", "type", set(JobType)),
        ("jobs", "source_type", set(SourceType)),
        ("jobs", "overlap_policy", set(OverlapPolicy)),
        ("nodes", "kind", set(NodeKind)),
        ("edges", "relation", set(Relation)),
        # A runner that has lost its database writes nothing into it any more.
        ("runs", "cancel_cause", set(CancelCause) - {CancelCause.FENCED}),
    ],
)
def test_the_words_of_a_column_are_those_of_its_type(name: str, column: str, words: set[str]) -> None:
    rows = table(section(read("reference/database.md"), name), "column")
    (meaning,) = (row[1] for row in rows if only_code(row[0]) == column)
    assert set(code(meaning)) == words


# Lifecycle

LIFECYCLE: Final = read("explanation/run-lifecycle.md")


def test_the_states_described_are_those_there_are() -> None:
    assert {only_code(row[0]) for row in table(LIFECYCLE, "status")} == set(RunStatus)


def test_the_triggers_described_are_those_there_are() -> None:
    words = [module for module in ALL if module.name not in ("core.model", "core.reasons")]
    asked_for = {each for each in Trigger if any(f"Trigger.{each.name}" in module.source for module in words)}
    assert {only_code(row[0]) for row in table(LIFECYCLE, "trigger")} == asked_for


REASONS_DESCRIBED: Final = {
    (status, only_code(row[0]) or "") for row in table(LIFECYCLE, "reason") for status in code(row[1])
}


def test_the_reasons_described_are_those_the_policy_gives() -> None:
    given = set(_reasons_to_wait()) | set(_reasons_to_leave_out()) | set(_reasons_of_what_ran())
    assert {(status, reason) for status, reason in REASONS_DESCRIBED if status != "cancelled"} == given


def test_every_reason_described_has_words_for_people() -> None:
    assert set(REASONS) >= REASONS_DESCRIBED
    described = {reason for _, reason in REASONS_DESCRIBED}
    to_come = set(REASONS) - REASONS_DESCRIBED
    assert {reason for _, reason in to_come}.isdisjoint(described)


def _reasons_to_wait() -> Iterator[tuple[str, str]]:
    statuses = {Verdict.WAIT: "scheduled", Verdict.REPLACE: "scheduled", Verdict.SKIP: "skipped"}
    facts = [
        Facts(
            paused=paused,
            overlap=overlap,
            running=running,
            queued=queued,
            too_early=early,
            slot_free=free,
            full_pool=pool,
            disk_full=full,
            tokens_spent=spent,
            unmet=unmet,
            may_be_met=unmet == "later",
        )
        for overlap in OverlapPolicy
        for paused, early, free, full in product((False, True), repeat=4)
        for running, queued, pool in product((0, 1), (0, 1), (None, "db"))
        for spent, unmet in ((None, None), (None, "now"), (None, "later"), ("2 of 1 used", None))
    ]
    for trigger, waiting, depth, each in product(Trigger, (False, True), (0, DEPTH_LIMIT + 1), facts):
        decision = admit(Request(trigger=trigger, waiting=waiting, depth=depth), each)
        if decision.verdict in statuses:
            yield statuses[decision.verdict], str(decision.reason)


def _reasons_of_what_ran() -> Iterator[tuple[str, str]]:
    ended = outcome(Exited(code=78), cause=None, result=None, exit_codes=ExitCodes(skip=(78,)))
    yield ended.status, str(ended.reason)
    ended = outcome(Exited(code=NOTHING_TO_DO), cause=None, result=None, of_precheck=True)
    yield ended.status, str(ended.reason)


def _reasons_to_leave_out() -> Iterator[tuple[str, str]]:
    noon = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    schedule = parse_schedule(["0 * * * *"], "UTC", "job")
    latest = noon - timedelta(minutes=30)
    due = Due(job_id="job", schedule=schedule, first=latest - timedelta(hours=5), latest=latest, count=6)
    for policy, hours in product(CatchUp, (0, 2, 12)):
        for each in catch_up(due, policy, timedelta(hours=hours), noon, (), [SkippedTime(latest)]).left_out:
            yield "skipped" if each.reason is Reason.SKIP else "missed", each.reason


def test_the_transitions_described_are_those_the_database_allows(tmp_path: Path) -> None:
    described = {
        (before, after)
        for row in table(LIFECYCLE, "from")
        for before in code(row[0])
        for after in code(row[3])
        if before != after
    }
    with closing(connect(tmp_path / "runner.sqlite", create=True)) as conn:
        # Only the guard on transitions is asked, not what else a row must be.
        conn.execute("PRAGMA foreign_keys=OFF; PRAGMA ignore_check_constraints=ON")
        allowed = {(a, b) for a in RunStatus for b in RunStatus if a != b and _may_become(conn, a, b)}
    assert described == allowed


def _may_become(conn: apsw.Connection, before: RunStatus, after: RunStatus) -> bool:
    conn.execute(
        "INSERT OR REPLACE INTO runs (id, job_id, status, trigger, created_at)"
        " VALUES (1, 'job', ?, 'manual', '')",
        (str(before),),
    )
    try:
        conn.execute("UPDATE runs SET status = ? WHERE id = 1", (str(after),))
    except apsw.ConstraintError:
        return False
    return True


def test_what_sessions_are_said_to_say_is_what_they_say() -> None:
    folder = ROOT / "jeeves_runner/execute/session"
    source = "".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py")))
    said = {words.rstrip(": ") for words in re.findall(r'_say\(\s*f?"([^"{]+)', source)}
    rows = table(read("reference/sessions.md"), "message")
    assert {code(row[0])[0].removesuffix("…").rstrip(": ") for row in rows} == said
