"""What Tab offers for ids, numbers and channels, read from the database; without one, nothing is offered.

Every command imports this module, and few of its starts come from Tab. So what an answer needs is imported
when a shell asks for it.
"""

import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING, Final

import click

from jeeves_runner.cli.context import App
from jeeves_runner.core.wording import one_line
from jeeves_runner.errors import JeevesError

if TYPE_CHECKING:
    import apsw
    from click.shell_completion import CompletionItem

Offer = tuple[str, str | None]
"""A word, and a note on it for shells that show one."""

_FEW: Final = 50
"""Runs to choose from: as many as a person may still look through."""


def _from_database(
    offers: "Callable[[App, apsw.Connection], Iterable[Offer]]",
) -> "Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]":
    """A ``shell_complete`` of click: the words that ``offers`` finds and that begin as the typed one does."""

    def complete(
        context: click.Context, _parameter: click.Parameter, beginning: str
    ) -> "list[CompletionItem[str]]":
        from click.shell_completion import CompletionItem

        from jeeves_runner.db.file_errors import translated

        root = context.find_root()
        app = root.ensure_object(App)
        if root.params.get("config") is not None:
            app.config_path = root.params["config"]
        try:
            with closing(app.connect()) as conn, translated(str(app.database)):
                found = list(offers(app, conn))
        except (JeevesError, OSError):
            return []  # a message would get between the words that are being typed
        # The shell inserts the word as it is. A word that needs quotes would be read as another one.
        return [
            CompletionItem(word, help=what and one_line(what))
            for word, what in found
            if word.startswith(beginning) and shlex.quote(word) == word
        ]

    return complete


def _jobs(_app: App, conn: "apsw.Connection") -> Iterator[Offer]:
    from jeeves_runner.db.jobs import live_ids

    return ((job_id, None) for job_id in live_ids(conn))


def _runs(_app: App, conn: "apsw.Connection") -> Iterator[Offer]:
    from jeeves_runner.db.run_list import run_rows

    return ((str(run["id"]), f"{run['job_id']}, {run['status']}") for run in run_rows(conn, limit=_FEW).rows)


def _active_runs(_app: App, conn: "apsw.Connection") -> Iterator[Offer]:
    from jeeves_runner.db.run_list import active_run_rows

    return ((str(run["id"]), f"{run['job_id']}, {run['status']}") for run in active_run_rows(conn))


def _active_runs_and_jobs(app: App, conn: "apsw.Connection") -> Iterator[Offer]:
    from jeeves_runner.db.run_list import active_run_rows

    yield from _active_runs(app, conn)
    for job_id in sorted({run["job_id"] for run in active_run_rows(conn)}):
        yield job_id, None


def _queues(app: App, conn: "apsw.Connection") -> Iterator[Offer]:
    from jeeves_runner.views.queues import queue_ids_view

    return ((queue_id, None) for queue_id in queue_ids_view(conn, app.clock.now())["queues"])


def _namespaces(app: App, conn: "apsw.Connection") -> Iterator[Offer]:
    from jeeves_runner.db.state_list import namespaces

    return ((namespace, None) for namespace in namespaces(conn, app.clock.now()).rows)


def _channels(app: App, conn: "apsw.Connection") -> Iterator[Offer]:
    from jeeves_runner.db.told_channels import told_channels

    told = app.settings.notifications
    named = {channel for channels in told_channels(conn) for channel in channels}
    named |= {
        *told.default_on_failure,
        *told.default_on_success,
        *(f"webhook:{name}" for name in told.webhooks),
    }
    return ((channel, None) for channel in sorted(named))


def _nodes(_app: App, conn: "apsw.Connection") -> Iterator[Offer]:
    from jeeves_runner.db.graph import live_graph

    for node in live_graph(conn).nodes.values():
        yield node.name if node.is_job else node.key, node.description


def _tokens(app: App, conn: "apsw.Connection") -> Iterator[Offer]:
    from jeeves_runner.db.tokens import tokens

    return ((token.name, token.role) for token in tokens(conn, app.clock.now()))


JOBS: Final = _from_database(_jobs)
RUNS: Final = _from_database(_runs)
RUNS_AND_JOBS: Final = _from_database(lambda app, conn: chain(_jobs(app, conn), _runs(app, conn)))
ACTIVE_RUNS_AND_JOBS: Final = _from_database(_active_runs_and_jobs)
QUEUES: Final = _from_database(_queues)
NAMESPACES: Final = _from_database(_namespaces)
CHANNELS: Final = _from_database(_channels)
NODES: Final = _from_database(_nodes)
TOKENS: Final = _from_database(_tokens)
