"""``audit``: who has done what, from where, and what was refused."""

from contextlib import closing
from typing import TYPE_CHECKING

import click

from jeeves_runner.cli.context import App, json_option, pass_app, utc_option
from jeeves_runner.cli.formats import NONE, time_column
from jeeves_runner.cli.syntax import AUDIT_ID, SCREEN, limit_option
from jeeves_runner.cli.tables import Prose
from jeeves_runner.core.instants import past_instant
from jeeves_runner.core.values import PAGE

if TYPE_CHECKING:
    from jeeves_runner.cli.terminal import Cell
    from jeeves_runner.db.audit import AuditRow


@click.command("audit")
@click.option("--actor", metavar="WHO", help="Only what WHO did: cli, `token NAME`, `run NUMBER`.")
@click.option("--target", metavar="WHAT", help="Only what was done to WHAT: `job ID`, `run NUMBER`.")
@click.option("--since", metavar="TIME", help="Only from then on: a time, or how long ago, such as -2h.")
@click.option("--before", type=AUDIT_ID, metavar="NUMBER", help="Only those older than this one.")
@limit_option(1000)
@json_option
@utc_option
@pass_app
def command(
    app: App, actor: str | None, target: str | None, since: str | None, before: int | None, limit: int | None
) -> None:
    """Show who has done what, from where, and what was refused; newest first.

    Writes of state and queues are not in it.
    """
    from jeeves_runner.views.audit import audit_view

    now = app.clock.now()
    with closing(app.connect()) as conn:
        document = audit_view(
            conn,
            actor=actor,
            target=target,
            since=None if since is None else past_instant(since, now, app.zone, "--since"),
            before=before,
            limit=limit or (PAGE if app.json else SCREEN),
        )
    if app.json:
        app.print_json(document)
    elif document["audit"]:
        times = time_column("TIME", [row["at"] for row in document["audit"]], app.zone)
        headers = ("NUMBER", times.header, "WHO", "FROM", "DID", "TO", "ANSWER", Prose("DETAIL"))
        app.print_table(headers, list(map(_cells, document["audit"], times.cells)))
    else:
        app.print("Nothing of that kind is in the audit.")


def _cells(row: "AuditRow", at: str) -> "tuple[Cell, ...]":
    return (
        str(row["id"]),
        at,
        row["actor"],
        row["origin"] or NONE,
        row["action"],
        row["target"],
        NONE if row["answer"] is None else str(row["answer"]),
        row["detail"] or NONE,
    )
