"""``history``: what was applied, when, by whom and from which commit; and one apply with its changes."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

import click

from jeeves_runner.cli.context import App, json_option, pass_app, utc_option
from jeeves_runner.cli.formats import NONE, time_column, when
from jeeves_runner.cli.plan_text import Line, change_lines, consequence_line, held_line
from jeeves_runner.cli.syntax import REVISION, SCREEN, limit_option
from jeeves_runner.cli.tables import Prose
from jeeves_runner.cli.terminal import Cell, Styled
from jeeves_runner.core.origin import short_sha
from jeeves_runner.core.values import PAGE
from jeeves_runner.errors import UsageError

if TYPE_CHECKING:
    from jeeves_runner.db.revisions import RevisionRow
    from jeeves_runner.views.revisions import WholeRevision


@click.command("history")
@click.argument("revision", metavar="[REVISION]", required=False, type=REVISION)
@click.option("--before", type=REVISION, metavar="REVISION", help="Only revisions older than this one.")
@limit_option(1000)
@json_option
@utc_option
@pass_app
def command(app: App, revision: int | None, before: int | None, limit: int | None) -> None:
    """Show what was applied, newest first; or all that REVISION changed."""
    if revision is not None and (before is not None or limit is not None):
        raise UsageError("--limit and --before are for the list, and not for one REVISION")
    from jeeves_runner.views.revisions import revision_view, revisions_view

    with closing(app.connect()) as conn:
        now = app.clock.now()
        if revision is not None:
            one = revision_view(conn, revision)
            if app.json:
                app.print_json(one)
                return
            whole = one["revision"]
            app.print(Styled(f"Revision {whole['id']}", "bold"))
            app.print_pairs(_pairs(whole, now, app.zone))
            app.print_lines(_plan_lines(whole))
            return
        document = revisions_view(conn, before=before, limit=limit or (PAGE if app.json else SCREEN))
    if app.json:
        app.print_json(document)
    elif document["revisions"]:
        times = time_column("APPLIED", [row["applied_at"] for row in document["revisions"]], app.zone)
        headers = ("NUMBER", times.header, "BY", "CHANGES", "COMMIT", Prose("SUBJECT"))
        app.print_table(headers, list(map(_cells, document["revisions"], times.cells)))
    else:
        app.print("Nothing has been applied yet." if before is None else f"Nothing is older than {before}.")


def _plan_lines(whole: "WholeRevision") -> Iterator[Line]:
    """The plan as ``diff`` showed it then."""
    for change in whole["changes"]:
        yield from change_lines(change)
    for held in whole["held_rows"]:
        why = "" if held["message"] is None else f": {held['message']} ({held['file']})"
        yield held_line(held["kind"] or "row", held["id"], why)
    for consequence in whole["consequences"] or ():
        yield consequence_line(consequence["message"])


def _cells(row: "RevisionRow", applied: str) -> tuple[Cell, ...]:
    commit = NONE if row["commit"] is None else short_sha(row["commit"])
    return (
        str(row["id"]),
        applied,
        row["applied_by"],
        _counts(row),
        commit,
        row["subject"] or NONE,
    )


def _counts(row: "RevisionRow") -> str:
    """``+2 ~1 -0``, with the signs of ``diff``."""
    return f"+{row['created']} ~{row['updated']} -{row['deleted']}"


def _pairs(row: "WholeRevision", now: datetime, zone: tzinfo) -> Iterator[tuple[str, Cell | None]]:
    yield "applied", when(row["applied_at"], now, zone)
    yield "by", row["applied_by"]
    yield "commit", row["commit"]
    yield "author", row["author"]
    yield "subject", row["subject"]
    yield "changes", _counts(row)
    yield "put back", f"{row['drifted']} changed by hand" if row["drifted"] else None
    yield "consequences", "not recorded by the version of that time" if row["consequences"] is None else None
