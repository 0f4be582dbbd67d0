"""The handlers of revisions: what was applied, what each apply changed, and all that is live by now."""

from collections.abc import Iterator

import apsw
from aiohttp import web

from jeeves_runner import __version__
from jeeves_runner.api.requests.pages import PageQuery
from jeeves_runner.api.requests.revisions import RevisionPath
from jeeves_runner.api.responses import encode, encoded_list
from jeeves_runner.api.route import Call, Nothing
from jeeves_runner.db.connection import snapshot
from jeeves_runner.views.revisions import revision_view, revisions_view
from jeeves_runner.views.specs import each_job_spec, each_node_spec, each_queue_spec, newest


async def revisions(call: Call[Nothing, PageQuery, Nothing]) -> web.Response:
    query = call.query
    return await call.answer(lambda conn, _: revisions_view(conn, before=query.before, limit=query.limit))


async def revision(call: Call[RevisionPath, Nothing, Nothing]) -> web.Response:
    return await call.answer(lambda conn, _: revision_view(conn, call.path.revision))


async def specs(call: Call[Nothing, Nothing, Nothing]) -> web.Response:
    root = str(call.services.config.root)
    return await call.answer_parts(lambda conn, _: _specs(conn, root))


def _specs(conn: apsw.Connection, root: str) -> Iterator[bytes]:
    """``SpecsDocument`` as JSON, spec by spec: see ``jobs``."""
    with snapshot(conn):
        applied = newest(conn)
        yield b'{"version":' + encode(__version__) + b',"root":' + encode(root)
        yield b',"revision":' + encode(applied.revision) + b',"commit":' + encode(applied.commit)
        yield b',"jobs":'
        yield from encoded_list(each_job_spec(conn))
        yield b',"queues":'
        yield from encoded_list(each_queue_spec(conn))
        yield b',"nodes":'
        yield from encoded_list(each_node_spec(conn))
        yield b"}"
