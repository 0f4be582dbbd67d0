"""The pages of what was applied: a list by day, and one apply as its diff."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.api import Api, with_api
from support.ledger import Ledger
from support.pages import Page, page


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


def applied(ledger: Ledger, at: str, changes: object = (), held: object = (), **columns: Any) -> int:
    """A revision by hand; its number."""
    row = {
        "applied_at": at,
        "applied_by": "watch",
        "commit": "0123456789abcdef" * 2 + "01234567",
        "author": "Ada <ada@example.com>",
        "subject": "Copy <b>more</b>",
        "created": 1,
        "updated": 2,
        "deleted": 3,
        "drifted": 0,
        "changes": json.dumps(changes),
        "held": json.dumps(held),
        "consequences": "[]",
        **columns,
    }
    names = ", ".join(f'"{name}"' for name in row)
    places = ", ".join("?" for _ in row)
    ledger.conn.execute(f"INSERT INTO revisions ({names}) VALUES ({places})", tuple(row.values()))
    return ledger.conn.last_insert_rowid()


def change(action: str, **more: object) -> dict[str, object]:
    return {
        "action": action,
        "kind": "job",
        "id": "copy",
        "file": "jobs.d/copy.yaml",
        "line": 3,
        "drift": False,
        "fields": [],
        **more,
    }


def shown(ledger: Ledger, path: str, config: str = "") -> Page:
    async def scenario(api: Api) -> Page:
        return await page(api, path)

    return with_api(ledger, scenario, config=config)


def test_revisions_stand_by_their_day_in_the_zone_of_the_runner(ledger: Ledger) -> None:
    applied(ledger, "2026-03-01T23:30:00.000Z")
    applied(ledger, "2026-03-02T10:00:00.000Z", commit=None, author=None, subject=None)
    found = shown(ledger, "/revisions", config="timezone: Europe/Vienna\n")
    assert found.text.index("Monday, 2 March 2026") < found.text.index("Sunday, 1 March 2026")
    assert found.html.count("rowgroup") == 2
    assert "days of Europe/Vienna" in found.text
    assert "+1 ~2 -3 Copy <b>more</b> 0123456789 Ada watch" in found.text
    assert "no commit" in found.text


def test_the_list_goes_on(ledger: Ledger) -> None:
    for hour in range(10, 14):
        applied(ledger, f"2026-03-02T{hour}:00:00.000Z")
    first = shown(ledger, "/revisions?limit=2")
    assert '<a href="/revisions?limit=2&amp;before=4" rel="next">Older</a>' in first.html
    assert "Newest" not in first.text
    last = shown(ledger, "/revisions?limit=4&before=4")
    assert '<tr id="revision-1">' in last.html
    assert "Older" not in last.text
    assert '<a href="/revisions">Newest</a>' in last.html
    assert "There are no older revisions." in shown(ledger, "/revisions?before=1").text


def test_one_is_shown_as_its_diff(ledger: Ledger) -> None:
    long = [f"echo {number}" for number in range(40)]
    new = [*long[:20], "echo <script>", *long[21:]]
    changes = [
        change("create", id="new", kind="queue"),
        change(
            "update",
            drift=True,
            renamed_from="copies",
            fields=[
                {"path": "timeout", "old": "5m", "new": None},
                {"path": "run", "old": "\n".join(long), "new": "\n".join(new)},
                {"path": "env.TOKEN", "old": "***", "new": {"file": "token"}},
                {"path": "tags", "old": [f"tag-{n}" for n in range(30)], "new": ["tag-1"]},
            ],
        ),
        change("delete", id="old"),
    ]
    held = [{"kind": "job", "id": "broken", "file": "jobs.d/b.yaml", "message": "`schedule` is wrong"}]
    number = applied(ledger, "2026-03-02T10:00:00.000Z", changes, held, drifted=1)
    found = shown(ledger, f"/revisions/{number}")
    assert "Ada <ada@example.com>" in found.text
    assert (
        "~ job copy renamed from copies was changed by hand; the manifest wins jobs.d/copy.yaml:3"
        in found.text
    )
    assert "timeout 5m → becomes (none)" in found.text
    assert 'env.TOKEN "***" → becomes {file: token}' in found.text
    assert "… 17 lines as before" in found.text
    assert "- echo 20" in found.text
    assert "echo &lt;script&gt;" in found.html
    assert "- tag-29" in found.text
    assert "- job old jobs.d/copy.yaml:3" in found.text
    assert "/jobs/old" not in found.html
    assert '<a href="/queues/new">' in found.html
    assert "<code>schedule</code> is wrong" in found.html
    assert '<a href="/revisions/1" rel="prev">' in found.html


def test_an_apply_of_thousands_is_bounded(ledger: Ledger) -> None:
    texts = ["\n".join(f"{side} {n}" for n in range(30_000)) for side in ("old", "new")]
    field = {"path": "run", "old": texts[0], "new": texts[1]}
    changes = [change("update", id=f"job-{n}", fields=[field] if n == 0 else []) for n in range(1000)]
    number = applied(ledger, "2026-03-02T10:00:00.000Z", changes)
    found = shown(ledger, f"/revisions/{number}")
    assert f"and 700 more: jeeves-runner history {number} has all" in found.text
    assert "and more: the document has all" in found.text
    assert len(found.html) < 300_000


def test_the_first_revision_of_an_older_version(ledger: Ledger) -> None:
    found = shown(ledger, "/revisions/1")
    assert "It changed no job, queue or node." in found.text
    assert "did not record what else came of it" in found.text
    assert shown(ledger, "/revisions/9").status == 404
