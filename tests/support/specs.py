"""Specs as the texts that the database keeps of them."""

import json

from jeeves_runner.core.queue_spec import QueueSpec
from jeeves_runner.core.spec_texts import Spec, encode, spec_to_json


def canonical(spec: Spec) -> str:
    """The spec as JSON text; equal specs give equal texts."""
    return encode(spec_to_json(spec))


def queue_from_text(text: str) -> QueueSpec:
    """The queue of such a text."""
    values = json.loads(text)
    return QueueSpec(**values | {"on_failed": tuple(values["on_failed"])})
