"""Lineage as text: where an item comes from and what took it; what a run took, made and caused."""

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from jeeves_runner.cli.context import App
from jeeves_runner.cli.formats import json_text, when
from jeeves_runner.cli.terminal import Cell, Styled
from jeeves_runner.core.causes import causes_of, in_words
from jeeves_runner.core.origin import short_sha

if TYPE_CHECKING:
    from jeeves_runner.db.lineage_list import RunOrigin
    from jeeves_runner.views.lineage import PassedItemDocument, RunLineage, WholeItemDocument


def origin_text(run: "RunOrigin | None", none: str) -> str:
    """A run in words: ``run 7 of fetch, ok, revision 3, commit 1a2b3c4``; ``none`` where there is none."""
    if run is None:
        return none
    parts = [f"run {run['id']}"]
    if run["deleted"]:
        parts.append("which is no longer kept")
    else:
        parts[0] += f" of {run['job_id']}"
        parts.append(str(run["status"]))
    if run["revision_id"] is not None:
        parts.append(f"revision {run['revision_id']}")
    if run["commit"]:
        parts.append(f"commit {short_sha(run['commit'])}")
    return ", ".join(parts)


def item_pairs(item: "WholeItemDocument", now: datetime, zone: tzinfo) -> Iterator[tuple[str, Cell | None]]:
    """What is told of an item, as pairs."""
    yield "status", item["status"]
    yield "attempts", str(item["attempt"])
    yield "added", when(item["created_at"], now, zone)
    yield "enqueued by", origin_text(item["producer"], "no run")
    yield "claimed by", origin_text(item["consumer"], "no run, or it has been given back since")
    yield "error", item["error"]
    yield "payload", json_text(item["payload"])


def print_lineage(app: App, lineage: "RunLineage") -> None:
    """What led to a run, and what it led to."""
    app.print(Styled(_first_upper(origin_text(lineage["run"], "")), "bold"))
    found = causes_of(lineage["caused_by"])
    if found is not None:
        named = len(lineage["causes"])
        of_all = f" (the newest {named} of {found.all_runs:,})" if lineage["more_causes"] else ""
        app.print_heading(f"Follows from{of_all}")
        if besides := in_words(found._replace(runs=())):
            app.print(f"  {besides}")
        _list_runs(app, lineage["causes"])
    if lineage["effects"]:
        more = " (the first of more)" if lineage["more_effects"] else ""
        app.print_heading(f"Has done{more}")
        app.print_table(
            ("ACT", "WHERE", "COUNT"),
            [(effect["act"], effect["target"], str(effect["count"])) for effect in lineage["effects"]],
        )
    claimed, enqueued = lineage["claimed"], lineage["enqueued"]
    _print_items(app, "Items that it claimed", claimed, "producer", more=lineage["more_claimed"])
    _print_items(app, "Items that it enqueued", enqueued, "consumer", more=lineage["more_enqueued"])
    _print_runs(app, "Has caused", lineage["caused"], more=lineage["more_caused"])
    if not (lineage["caused_by"] or lineage["effects"] or lineage["caused"]):
        app.print("It follows from no run, has caused none, and has touched neither a queue nor state.")


def _print_runs(app: App, title: str, runs: "Sequence[RunOrigin]", *, more: bool) -> None:
    if runs:
        app.print_heading(_titled(title, len(runs), more))
        _list_runs(app, runs)


def _list_runs(app: App, runs: "Sequence[RunOrigin]") -> None:
    for run in runs:
        app.print(f"  {origin_text(run, '')}")


def _print_items(
    app: App, title: str, items: "Sequence[PassedItemDocument]", side: str, *, more: bool
) -> None:
    if not items:
        return
    app.print_heading(_titled(title, len(items), more))
    other = "ENQUEUED BY" if side == "producer" else "CLAIMED BY"
    app.print_table(
        ("ITEM", "QUEUE", "STATUS", other),
        [
            (
                str(item["id"]),
                item["queue"],
                item["status"],
                origin_text(item["producer"] if side == "producer" else item["consumer"], "-"),
            )
            for item in items
        ],
    )


def _titled(title: str, count: int, more: bool) -> str:
    return f"{title} (the newest {count})" if more else title


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]
