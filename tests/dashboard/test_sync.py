"""The page of the sync: what is held, refused and wrong, and what to do about it."""

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support.api import Api, with_api
from support.ledger import Ledger
from support.pages import Page, page

from jeeves_runner.clock import SystemClock
from jeeves_runner.config_change import ConfigChange
from jeeves_runner.core.field_changes import FieldChange
from jeeves_runner.core.plan import Action, Change, Held, Plan
from jeeves_runner.core.problem import Problem
from jeeves_runner.core.withheld import Withheld
from jeeves_runner.reconcile.sync_status import SyncStatus

HOLDS = Problem(
    severity="error",
    code="schedule",
    file="jobs.d/copy.yaml",
    line=2,
    column=11,
    message="`schedule`: hour 25 is outside 0-23",
    hint="the fields are minute hour day month weekday",
)
COPY = 'run: "<b>"\nschedule: "0 25 * * *"\nenv:\n  TOKEN: hush\n'


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    (tmp_path / "jobs.d").mkdir()
    return Ledger(tmp_path / "runner.sqlite")


def shown(ledger: Ledger, status: SyncStatus, change: ConfigChange | None = None) -> Page:
    async def scenario(api: Api) -> Page:
        api.sync.status, api.sync.change = status, change
        return await page(api, "/sync")

    return with_api(ledger, scenario)


def held(**more: object) -> SyncStatus:
    row = Held(kind="job", id="copy", file=HOLDS.file, message="hour 25", since="2026-02-28T12:00:00.000Z")
    plan = Plan(problems=(HOLDS,), held=(row,), complete=False)
    return replace(SyncStatus(state="held", revision=1, plan=plan), **more)  # type: ignore[arg-type]


def test_what_is_held_is_live_though_no_manifest_declares_it(ledger: Ledger) -> None:
    status = held()
    found = shown(ledger, replace(status, plan=replace(status.plan, declared={"job": 1})))
    assert ": 1 job; 1 is live besides, held" in found.text


def test_all_is_in_sync(ledger: Ledger) -> None:
    plan = Plan(manifests=2, declared={"job": 3, "queue": 1, "node": 0})
    found = shown(ledger, SyncStatus(state="in_sync", revision=1, plan=plan))
    assert "All that the manifests declare is live." in found.text
    assert f"2 in {ledger.path.parent}/jobs.d : 3 jobs, 1 queue" in found.text
    assert "f00dfeedf0 First jobs Ada" in found.text
    assert '<a href="/revisions/1">' in found.html


def test_a_held_file_is_shown_around_its_fault(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "jobs.d/copy.yaml").write_text(COPY)
    found = shown(ledger, held(checked_at=SystemClock().now() + timedelta(minutes=1)))
    assert "job copy is held at its last good version" in found.text
    assert "<code>schedule</code>: hour 25 is outside 0-23" in found.html
    assert "the fields are minute hour day month weekday" in found.text
    assert "run: &#34;&lt;b&gt;&#34;" in found.html
    faulty = '<tr class="faulty"><th scope="row"><span class="unseen">at fault: </span>2</th>'
    assert f"{faulty}<td>schedule: &#34;0 25 * * *&#34;" in found.html
    assert '<span class="caret" aria-hidden="true">          ^</span>' in found.html
    assert "TOKEN: ***" in found.text
    assert "hush" not in found.html
    assert "saved after this look" not in found.text


def test_a_file_that_was_saved_since_says_so(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "jobs.d/copy.yaml").write_text(COPY)
    assert "saved after this look" in shown(ledger, held(checked_at=ledger.now)).text


@pytest.mark.parametrize("place", ["nothing", "pipe", "folder", "short"])
def test_a_fault_is_told_without_its_lines_too(ledger: Ledger, tmp_path: Path, place: str) -> None:
    path = tmp_path / "jobs.d/copy.yaml"
    if place == "pipe":
        os.mkfifo(path)
    elif place == "folder":
        path.mkdir()
    elif place == "short":
        path.write_text("one line")
    found = shown(ledger, held())
    assert "hour 25 is outside 0-23" in found.text
    assert "excerpt" not in found.html


def test_of_many_mistakes_the_first_are_shown(ledger: Ledger) -> None:
    many = tuple(HOLDS._replace(line=number, severity="warning") for number in range(1, 1000))
    rows = tuple(
        Held(kind="job", id=f"job-{number}", file=HOLDS.file, message="no", since=None)
        for number in range(999)
    )
    plan = Plan(problems=(*many, HOLDS), held=rows, complete=False)
    found = shown(ledger, SyncStatus(state="held", revision=1, plan=plan))
    assert "and 900 more mistakes: jeeves-runner validate has all" in found.text
    assert "and 987 more are held likewise" in found.text
    assert found.html.count('class="problem error"') == 1
    assert found.html.count('class="problem warning"') == 99


def test_a_long_line_is_shown_around_its_fault(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "jobs.d/copy.yaml").write_text("run: x\nrun: " + "a" * 300 + "\u202ehere" + "b" * 300)
    status = held()
    problem = HOLDS._replace(column=306)
    found = shown(ledger, replace(status, plan=replace(status.plan, problems=(problem,))))
    assert "a" * 60 + "\ufffdhere" + "b" * 40 in found.html
    assert "a" * 100 not in found.html
    assert "b" * 100 not in found.html


def test_what_is_refused_says_how_it_is_confirmed(ledger: Ledger) -> None:
    command = "jeeves-runner apply --allow-deletes 30"
    rows = tuple(("job", f"job-{number}") for number in range(30))
    withheld = (
        Withheld(by="guard", keys=rows, reason="30 jobs would be deleted", command=command),
        Withheld(
            by="guard", keys=(("queue", "mail"),), reason="queue mail still holds items", command=command
        ),
    )
    update = Change(
        action=Action.UPDATE,
        kind="job",
        id="copy",
        file="jobs.d/copy.yaml",
        line=4,
        fields=(FieldChange("timeout", "5m", "10m"), FieldChange("run", "a\nb\nc\n", "a\nB\nc\n")),
    )
    found = shown(
        ledger, SyncStatus(state="blocked", revision=1, plan=Plan(changes=(update,)), withheld=withheld)
    )
    assert "30 jobs would be deleted" in found.text
    assert "and 18 more job job-12 job job-13" in found.text
    assert found.text.count(command) == 1
    assert '<a href="/queues/mail">' in found.html
    assert "timeout 5m → becomes 10m" in found.text
    assert '<div class="gone"><span class="sign-of">-</span>b' in found.html
    assert '<div class="added"><span class="sign-of">+</span>B' in found.html
    assert "jobs.d/copy.yaml:4" in found.text


def test_another_config_asks_for_a_restart(ledger: Ledger) -> None:
    change = ConfigChange(Path("/srv/jeeves-runner.yaml"), settings=("port",), problem=None)
    found = shown(ledger, SyncStatus(state="in_sync", revision=1), change)
    assert "pending" in found.text
    assert "It says otherwise than what the server goes by: port" in found.text


def test_a_disk_that_hangs_costs_the_lines_alone(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jobs.d/copy.yaml").write_text(COPY)

    async def scenario(api: Api) -> None:
        api.sync.status = held()
        found = await page(api, "/sync")
        assert "hour 25 is outside" in found.text
        assert "excerpt" not in found.html

    def silent(*_: object) -> None:
        raise TimeoutError

    monkeypatch.setattr("jeeves_runner.dashboard.pages.sync.excerpts", silent)
    with_api(ledger, scenario)
