"""What is live on another server, read from its ``/specs``.

Its project stands in another folder, and it may run another version: specs are read and written anew, with
the paths in them as they would be in the folder here.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from jeeves_runner.core.edge_spec import edges_in, traits_in
from jeeves_runner.core.live import Live
from jeeves_runner.core.model import JobSpec, SourceType
from jeeves_runner.core.node_spec import NodeKind, NodeSpec
from jeeves_runner.core.plan import Key, LiveRow
from jeeves_runner.core.queue_spec import QueueSpec
from jeeves_runner.core.spec_texts import Spec, encode, spec_hash, spec_to_json
from jeeves_runner.core.specs import job_from_text
from jeeves_runner.reconcile.standing import Standing


class Elsewhere(NamedTuple):
    """A server's answer."""

    standing: Standing
    """What is live there."""
    version: str
    """Of the program there."""
    commit: str | None
    """The commit that it has applied last."""
    unreadable: int
    """How many of its specs cannot be read here."""


class _Roots(NamedTuple):
    """The project's folder on both sides."""

    there: str
    here: str

    def moved(self, path: str) -> str:
        """A path below the folder there, as one below that here."""
        if path == self.there:
            return self.here
        below = self.there.rstrip("/") + "/"
        return f"{self.here.rstrip('/')}/{path.removeprefix(below)}" if path.startswith(below) else path


def elsewhere(document: object, root: str) -> Elsewhere | None:
    """What the answer says, for a project in ``root``; None if it is no answer of such a server."""
    try:
        return _read(document, root)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None


def _read(document: Any, root: str) -> Elsewhere:
    roots = _Roots(_text(document["root"]), root)
    rows: dict[Key, LiveRow] = {}
    texts: dict[Key, str] = {}
    namespaces: dict[str, str] = {}
    unreadable = 0
    kinds = (("job", document["jobs"]), ("queue", document["queues"]), ("node", document.get("nodes", ())))
    for kind, entries in kinds:
        for entry in entries:
            name = _text(entry["id"])
            text = _spec_text(kind, entry["spec"], roots)
            if text is None:
                unreadable += 1
                continue
            texts[kind, name] = text
            values = json.loads(text)
            rows[kind, name] = LiveRow(
                spec_hash(text),
                _text(entry["file"]),
                int(entry["line"]),
                edges=tuple(sorted(edges_in(values))) if kind == "job" else (),
                traits=traits_in(values),
            )
            if kind == "job" and entry["namespace"] != name:
                namespaces[name] = _text(entry["namespace"])
    commit = document["commit"]
    return Elsewhere(
        Standing(Live(int(document["revision"]), rows, {}, namespaces), texts),
        _text(document["version"]),
        None if commit is None else _text(commit),
        unreadable,
    )


def _spec_text(kind: str, values: Mapping[str, Any] | None, roots: _Roots) -> str | None:
    """The canonical text of a spec; None if it cannot be read here."""
    if values is None:
        return None
    try:
        return encode(spec_to_json(_READERS[kind](values, roots)))
    except (ValueError, TypeError):
        return None


def _job(values: Mapping[str, Any], roots: _Roots) -> JobSpec:
    spec = job_from_text(encode(values))
    if spec.source_type in (SourceType.PATH, SourceType.PROMPT_FILE):
        spec = spec._replace(script=roots.moved(spec.script))
    if spec.precheck is not None and spec.precheck.script is not None:
        spec = spec._replace(precheck=spec.precheck._replace(script=roots.moved(spec.precheck.script)))
    return spec._replace(cwd=roots.moved(spec.cwd))


def _queue(values: Mapping[str, Any], roots: _Roots) -> QueueSpec:
    known = {name: values[name] for name in QueueSpec._fields if name in values}
    spec = QueueSpec(**known)
    file = spec.payload_schema_file
    return spec if file is None else spec._replace(payload_schema_file=roots.moved(file))


def _node(values: Mapping[str, Any], roots: _Roots) -> NodeSpec:
    known = {name: values[name] for name in NodeSpec._fields if name in values}
    spec = NodeSpec(**known | {"kind": NodeKind(str(values.get("kind")))})
    return spec if spec.path is None else spec._replace(path=roots.moved(spec.path))


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any], _Roots], Spec]]] = {
    "job": _job,
    "queue": _queue,
    "node": _node,
}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value
