"""What is written in two places is the same: the schemas' files, the model, the database's columns."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from enum import EnumType
from pathlib import Path
from types import UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

import pytest
from jsonschema_rs import is_valid
from support.schema_files import texts

from jeeves_runner.config import config_schema
from jeeves_runner.core.edge_spec import Need
from jeeves_runner.core.manifest.context import ProjectContext
from jeeves_runner.core.manifest.reader import ManifestReader
from jeeves_runner.core.model import BAD, JobSpec, Param, ParamType
from jeeves_runner.core.node_spec import NodeKind, NodeSpec
from jeeves_runner.core.params import NAME_PATTERN
from jeeves_runner.core.queue_spec import QueueSpec
from jeeves_runner.core.run import Run
from jeeves_runner.core.specs import JOB_PARTS
from jeeves_runner.core.values import ID_PATTERN, ID_WORDS
from jeeves_runner.db import declared_jobs, run_list
from jeeves_runner.db.connection import connect
from jeeves_runner.execute.local import starter_main
from jeeves_runner.reconcile import planner_process
from jeeves_runner.runner import signals
from jeeves_runner.schemas_text import manifest_schema

Schema = Mapping[str, Any]
Keys = tuple[str, ...]

PARTS: Final = manifest_schema()["$defs"]


@pytest.mark.parametrize(("path", "text"), [pytest.param(*item, id=item[0].name) for item in texts().items()])
def test_the_files_are_up_to_date(path: Path, text: str) -> None:
    assert path.read_text(encoding="utf-8") == text, "run `make schemas`"


# Forms


def _objects(value: Any) -> Iterator[Schema]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _objects(each)


def test_ids_have_one_form() -> None:
    named = (PARTS["job"]["properties"]["id"], PARTS["queue"]["properties"]["id"])
    pools = config_schema()["properties"]["pools"]["propertyNames"]
    assert {each["pattern"] for each in (*named, pools)} == {f"^{ID_PATTERN}$"}


@pytest.mark.parametrize("schema", [manifest_schema(), config_schema()], ids=["manifest", "config"])
def test_a_form_has_one_wording(schema: Schema) -> None:
    formed = [
        each for each in _objects(schema) if isinstance(each.get("pattern"), str)
    ]  # it is a key as well
    worded = {(each["pattern"], each["x-expected"]) for each in formed}
    assert len({form for form, _ in worded}) == len({words for _, words in worded}) == len(worded)
    assert dict(worded)[f"^{ID_PATTERN}$"] == ID_WORDS


def test_parameters_are_written_as_they_are_known() -> None:
    params = PARTS["job"]["properties"]["params"]
    assert params["propertyNames"]["pattern"] == f"^{NAME_PATTERN}$"
    keys = params["additionalProperties"]["properties"]
    assert set(keys) == set(Param._fields) - {"name"}
    assert keys["type"]["enum"] == list(ParamType)
    for key in [key for key in keys if "default" in keys[key]]:
        assert keys[key]["default"] == Param._field_defaults[key]


# Signals


def test_helper_processes_leave_to_the_runner_what_it_gives_a_meaning() -> None:
    """The starter imports nothing of the package, and the planner nothing of the runner."""
    meant = {*signals.STOPS, *signals.LOOKS, *signals.WITHOUT_MEANING}
    assert set(starter_main._FOR_THE_RUNNER) == set(planner_process._FOR_THE_RUNNER) == meant


# Keys and fields


def _keys(schema: Schema, above: Keys = ()) -> Iterator[tuple[Keys, Schema]]:
    """Each key that holds a value, and where; a mapping of named keys is no value."""
    for name, part in schema["properties"].items():
        if "properties" in part:
            yield from _keys(part, (*above, name))
        else:
            yield (*above, name), part


JOB_KEYS: Final = dict(_keys(PARTS["job"]))
QUEUE_KEYS: Final = dict(_keys(PARTS["queue"]))


def _annotation(path: Keys) -> Any:
    """The type of the field of a spec that a job's key goes to."""
    kind = JobSpec if len(path) == 1 else JOB_PARTS[path[0]]
    return kind.__annotations__.get(path[-1])


def test_a_queues_keys_are_the_fields_of_its_spec() -> None:
    fields = {field.removesuffix("_ms") for field in QueueSpec._fields}
    assert {"_".join(path) for path in QUEUE_KEYS} | {"payload_schema_file"} == fields


def test_a_nodes_keys_are_the_fields_of_its_spec() -> None:
    node = PARTS["node"]["properties"]
    assert set(node) == {field.removesuffix("_ms") for field in NodeSpec._fields}
    assert node["kind"]["enum"] == list(NodeKind)


@pytest.mark.parametrize(("name", "part"), (JOB_PARTS | {"needs": Need}).items())
def test_the_keys_of_a_jobs_mapping_are_the_fields_of_its_type(name: str, part: Any) -> None:
    """Some keys take other values than a mapping too."""
    key = PARTS["job"]["properties"][name]
    mapping = next(each for each in (key, *key.get("anyOf", ())) if "properties" in each)
    assert set(mapping["properties"]) == {field.removesuffix("_ms") for field in part._fields}


@pytest.mark.parametrize("path", [path for path, part in JOB_KEYS.items() if "enum" in part], ids=".".join)
def test_the_words_of_a_key_are_those_of_its_type(path: Keys) -> None:
    annotation = _annotation(path)
    if get_origin(annotation) in (Union, UnionType):  # with None
        annotation = get_args(annotation)[0]
    words = get_args(annotation) if get_origin(annotation) is Literal else list(annotation)
    assert isinstance(annotation, EnumType) or get_origin(annotation) is Literal
    assert set(JOB_KEYS[path]["enum"]) == {str(word) for word in words}


def test_what_can_be_tried_again_is_what_counts_as_bad() -> None:
    assert set(JOB_KEYS["retries", "on"]["items"]["enum"]) == BAD


def _text_of(kind: str, entry: dict[str, Any]) -> str:
    """The canonical text of one job or queue."""
    reader = ManifestReader(manifest_schema(), ProjectContext(project_root="/p"))
    (found,) = reader.read("jobs.d/a.yaml", json.dumps({f"{kind}s": [entry]}).encode()).entries
    return found.text


def _required(part: Schema) -> dict[str, Any]:
    """A value for each key without which a mapping is wrong."""
    some = ("$.id", "a", 1)
    keys = {key: part["properties"][key] for key in part.get("required", ())}
    return {key: next(each for each in some if is_valid(dict(value), each)) for key, value in keys.items()}


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        *(("job", path) for path, part in JOB_KEYS.items() if "default" in part),
        *(("queue", path) for path, part in QUEUE_KEYS.items() if "default" in part),
    ],
    ids=lambda value: value if isinstance(value, str) else ".".join(value),
)
def test_a_default_of_the_schema_is_that_of_the_spec(kind: str, path: Keys) -> None:
    keys = JOB_KEYS if kind == "job" else QUEUE_KEYS
    least: dict[str, Any] = {"id": "a"} if kind == "queue" else {"id": "a", "run": "x", "timeout": "1h"}
    if len(path) == 2:
        inner = _required(PARTS[kind]["properties"][path[0]])
        without = least | {path[0]: inner}
        given = least | {path[0]: inner | {path[1]: keys[path]["default"]}}
    else:
        without, given = least, least | {path[0]: keys[path]["default"]}
    assert _text_of(kind, given) == _text_of(kind, without)


# Columns

OWN_COLUMNS: Final = (
    "told_by_items",
    "confirmed",
    "late",
    "mark",
    "origin",
    "handle",
    "deadline",
    "timeout_ms",
    "delay_ms",
    "given_params",
    "end_seq",
    "is_occurrence",
    "log_path",
    "token_digest",
    "start_digest",
    "claimed",
    "noted",
)
"""Columns of ``runs`` that only single statements of ``db`` name."""


@pytest.fixture(scope="module")
def columns(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, set[str]]:
    """The columns of the tables of a new database."""
    path = tmp_path_factory.mktemp("db") / "runner.sqlite"
    with closing(connect(path, create=True)) as conn:
        return {
            table: {str(name) for (name,) in conn.execute("SELECT name FROM pragma_table_xinfo(?)", (table,))}
            for table in ("jobs", "runs")
        }


def test_a_column_named_like_a_jobs_field_is_filled_from_the_spec(columns: Mapping[str, set[str]]) -> None:
    declared = declared_jobs._DECLARED.keys() - {"spec"}
    assert columns["jobs"] & set(JobSpec._fields) == declared | {"id"}


def test_a_run_is_its_row_but_for_what_the_runner_finds_and_orders_it_by(
    columns: Mapping[str, set[str]],
) -> None:
    assert columns["runs"] == {*Run._fields, *OWN_COLUMNS}


def test_of_a_run_all_is_shown_but_its_output_and_the_runners_number() -> None:
    """The path of its log is shown, and the runner does not read it back: scripts may write it."""
    assert set(run_list._SHOWN) == {*Run._fields, "log_path"} - {"stdout", "stderr", "epoch"}
