"""The schema of a queue's payloads in a file: a change of it is a change of the queue, and a fault of it
holds the queue."""

import asyncio
import json
from pathlib import Path

import pytest
from support.project import Project, errors, summary
from support.reconciling import looking

from jeeves_runner.core.field_changes import FieldChange
from jeeves_runner.db.connection import transaction
from jeeves_runner.db.queue_enqueue import enqueue
from jeeves_runner.errors import DatabaseError, InvalidValue

QUEUE = "queues: [{id: mail, payload_schema: schemas/mail.json}]\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "schemas").mkdir()
    made = Project(tmp_path)
    made.write("queues.yaml", QUEUE)
    return made


def schema(project: Project, *required: str, text: str | None = None) -> None:
    path = project.root / "schemas" / "mail.json"
    path.write_text(json.dumps({"required": required}) if text is None else text)


def push(project: Project, *payloads: object) -> list[int | None]:
    with transaction(project.conn, project.clock) as tx:
        return enqueue(tx, "mail", [json.dumps(payload) for payload in payloads])


def test_a_changed_file_is_a_changed_queue_in_words(project: Project) -> None:
    schema(project, "id")
    assert summary(project.apply().plan) == ["+queue mail"]
    assert summary(project.plan()) == []
    schema(project, text='{ "required" : ["id"] }')
    assert summary(project.plan()) == []
    schema(project, "id", "thread")
    plan = project.plan()
    assert summary(plan) == ["~queue mail"]
    assert plan.changes[0].fields == (FieldChange("payload_schema.required", ["id"], ["id", "thread"]),)
    project.apply()
    assert summary(project.plan()) == []


def test_what_comes_later_must_fit_and_what_is_there_stays(project: Project) -> None:
    schema(project)
    project.apply()
    push(project, 5, {"id": 1})
    schema(project, "id")
    project.apply()
    with pytest.raises(InvalidValue, match=r"queue mail takes no such payload: payload\.id is missing"):
        push(project, {})
    with pytest.raises(InvalidValue, match=r"payloads\[1\]\.id is missing"):
        push(project, {"id": 1}, {})
    assert project.value("SELECT count(*) FROM queue_items") == 2
    push(project, {"id": 2})
    project.write("queues.yaml", "queues: [{id: mail}]\n")
    (change,) = project.plan().changes
    assert [field.path for field in change.fields] == ["payload_schema", "payload_schema_file"]
    project.apply()
    assert push(project, {}) == [4]


@pytest.mark.parametrize("text", [None, "{", '{"type": "text"}', '{"$ref": "other.json"}'])
def test_a_file_that_cannot_be_used_holds_the_queue_until_it_can(project: Project, text: str | None) -> None:
    schema(project, "id")
    project.apply()
    path = project.root / "schemas" / "mail.json"
    path.unlink() if text is None else path.write_text(text)
    plan = project.apply().plan
    assert summary(plan) == ["=queue mail"]
    (problem,) = errors(plan)
    assert "payload_schema" in problem
    with pytest.raises(InvalidValue):
        push(project, {})
    schema(project, "thread")
    assert summary(project.apply().plan) == ["~queue mail"]


def test_a_server_looks_again_when_the_file_has_changed(project: Project) -> None:
    asyncio.run(_looks_again(project))


async def _looks_again(project: Project) -> None:
    schema(project, "id")
    async with looking(project) as reconciler:
        await reconciler.look()
        assert not await reconciler._scripts.has_changed()
        schema(project, "id", "thread")
        assert await reconciler._scripts.has_changed()
        await reconciler.look()
        assert not await reconciler._scripts.has_changed()
    assert "thread" in str(project.value("SELECT spec FROM queues"))


def test_one_that_was_spoilt_by_hand_is_named(project: Project) -> None:
    schema(project, "id")
    project.apply()
    project.conn.execute("UPDATE queues SET spec = json_set(spec, '$.payload_schema', '{\"type\": 1}')")
    with pytest.raises(DatabaseError, match="payload_schema of queue mail cannot be used"):
        push(project, {})
