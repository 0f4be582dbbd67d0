"""Which variables live jobs take as secrets, followed by revisions."""

from pathlib import Path

import pytest
from support.runs import Place, job

from jeeves_runner.core.inheritance import Taken, variables_in
from jeeves_runner.core.model import JobSpec, Secret
from jeeves_runner.db.jobs import variables_taken
from jeeves_runner.runs.taken_variables import TakenVariables


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def takes(name: str, *variables: str, enabled: bool = True) -> JobSpec:
    env = tuple((f"V{n}", Secret("from_env", each)) for n, each in enumerate(variables))
    return job(name, env=(*env, ("F", Secret("file", "from_env")), ("P", "plain")), enabled=enabled)


def test_they_follow_each_apply(place: Place) -> None:
    taken = TakenVariables(place.conn)
    assert taken.names() == frozenset()
    place.apply(takes("a", "X", "Y"), takes("b"), takes("c", "Y", enabled=False))
    assert taken.names() == {"X", "Y"}
    place.apply(takes("a"))
    assert taken.names() == {"Y"}
    place.apply(delete=("c",))
    assert taken.names() == frozenset()
    place.apply(takes("c", "Z"))
    assert taken.names() == {"Z"}
    assert TakenVariables(place.conn).names() == {"Z"}


def test_the_database_and_a_plan_read_the_same_from_a_spec(place: Place) -> None:
    place.apply(
        takes("a", "X", "Y"),
        takes("b"),
        job("c", "echo '\"from_env\"'", heartbeat="https://box"),
        job("d", heartbeat=Secret("from_env", "PING")),
        takes("e", "Y")._replace(heartbeat=Secret("file", "from_env")),
    )
    specs = place.conn.execute("SELECT id, spec FROM jobs")
    by_job = {name: names for name, text in specs if (names := variables_in(text))}
    assert variables_taken(place.conn) == Taken(5, by_job)
    assert by_job == {"a": {"X", "Y"}, "d": {"PING"}, "e": {"Y"}}
