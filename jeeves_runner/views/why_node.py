"""Why data is as it is: the way upstream to the first job that is not well."""

from datetime import datetime, timedelta
from typing import TypedDict

import apsw

from jeeves_runner.core.graph.freshness import Expected
from jeeves_runner.core.graph.reach import upstream
from jeeves_runner.core.graph.value import Graph
from jeeves_runner.core.node_spec import NodeKind, split_key
from jeeves_runner.core.why.of_node import (
    not_well,
    queue_sentence,
    seldom_sentence,
    unwritten_sentence,
    upstream_sentence,
    written_sentence,
)
from jeeves_runner.db import freshness
from jeeves_runner.db.connection import snapshot
from jeeves_runner.db.graph import live_graph
from jeeves_runner.db.queue_contents import queue_counts
from jeeves_runner.db.why_facts import job_facts, newest_run
from jeeves_runner.views.graph import key_in
from jeeves_runner.views.occurrences import NO_MOMENTS, Moments, text_of
from jeeves_runner.views.why import why_view


class NodeWhyDocument(TypedDict):
    """Why the data of a node is as it is."""

    id: str
    """The node, ``KIND:NAME``."""
    text: str
    """All of it as one paragraph."""
    fresh_at: str | None
    """When a run last ended that wrote it, or that found nothing to do; null: none did."""
    stale_since: str | None
    """Since when it is stale; null: it is not, or nothing is expected of it."""
    job_id: str | None
    """The first job before it that is not well; null: all are."""


def node_why_view(
    conn: apsw.Connection,
    now: datetime,
    name: str,
    *,
    served: bool,
    catching_up: Moments = NO_MOMENTS,
    catch_up_spread: timedelta = timedelta(0),
    graph: Graph | None = None,
) -> NodeWhyDocument:
    """The answer about a node; NotFound. ``graph``: the live one, where it is known. The other arguments are
    those of ``why_view``."""
    with snapshot(conn):
        graph = live_graph(conn) if graph is None else graph
        key = key_in(graph, name)
        expected, written = freshness.expected_of(conn, key), freshness.last_written(conn, key)
        is_job = graph.nodes[key].is_job
        jobs = {
            split_key(each)[1]: steps
            for each, steps in upstream(graph, key).items()
            if each != key and graph.nodes[each].is_job
        }
        found: str | None = None
        is_stale = expected is not None and expected.is_stale(now)

        def why(job_id: str) -> str:
            told = why_view(
                conn,
                now,
                job_id,
                served=served,
                catching_up=catching_up,
                catch_up_spread=catch_up_spread,
            )
            return told["text"]

        kind, own = split_key(key)
        if is_job:
            texts = [why(own)]
        elif kind in (NodeKind.DATASTORE, NodeKind.SINK):
            texts = [written_sentence(key, expected, written, now)]
        else:
            texts = [unwritten_sentence(key)]
            if kind == NodeKind.QUEUE:
                full = queue_counts(conn, now, own).get(own)
                texts += [] if full is None else [queue_sentence(full.depth, full.claimed, full.failed)]
        for job_id, steps in jobs.items():
            facts = job_facts(conn, now, job_id, served=served)
            word = None if facts is None else not_well(facts, newest_run(conn, job_id))
            if word is not None:
                found = job_id
                texts += [upstream_sentence(job_id, word, steps, len(jobs), is_job=is_job), why(job_id)]
                break
        else:
            nearest = next(iter(jobs), None)
            if nearest is None:
                texts.append("No job comes before it." if is_job else "No job writes it.")
            elif is_stale:
                texts += [seldom_sentence(nearest, newest_run(conn, nearest)), why(nearest)]
            else:
                texts.append("All is well with the jobs before it.")
        return {
            "id": key,
            "text": " ".join(texts),
            "fresh_at": None if written is None else text_of(written.at),
            "stale_since": _stale_since(expected, now),
            "job_id": found,
        }


def _stale_since(expected: Expected | None, now: datetime) -> str | None:
    return text_of(expected.stale_from) if expected is not None and expected.is_stale(now) else None
