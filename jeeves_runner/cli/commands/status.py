"""``status``: what needs attention, what runs now and what comes next, on one screen."""

from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from jeeves_runner.cli.context import App, json_option, pass_app

if TYPE_CHECKING:
    import apsw

    from jeeves_runner.db.runner import RunnerRow


@click.command("status")
@json_option
@pass_app
def command(app: App) -> None:
    """Show how the runner and its jobs are: first what needs attention, then what runs and what comes."""
    from jeeves_runner.cli.server import server_of
    from jeeves_runner.db.connection import snapshot

    with closing(app.connect()) as conn:
        now = app.clock.now()
        server = server_of(app, conn)
        document, sync = _documents(conn, now, server)
        if app.json:
            app.print_json(document)
            return
        from jeeves_runner.cli.status_screen import print_screen

        with snapshot(conn):
            print_screen(app, conn, now, document, sync, server)


def _documents(
    conn: "apsw.Connection", now: datetime, server: "RunnerRow | None"
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The documents of /status and /sync: from the server, else as the database tells them."""
    from jeeves_runner.cli.server import ask
    from jeeves_runner.views.runner import recorded_sync, status_view

    if server is not None:
        document = ask(server, "/status")
        # A server that has let the first question go unanswered would only cost the same wait again.
        answer = None if document is None else ask(server, "/sync")
        if document is not None and answer is not None:
            return document, answer
    stopping = server is not None and server.stopping_at is not None
    if server is None:
        reason = "no server watches the manifests"
    else:
        reason = "the server is stopping" if stopping else "the server does not answer"
    sync = recorded_sync(conn, reason)
    started_at = server.started_at if server else None
    return status_view(conn, now, started_at=started_at, stopping=stopping, sync=sync), sync
