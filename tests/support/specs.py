"""Specs as the texts that the database keeps of them."""

from jeeves_runner.core.model import Spec
from jeeves_runner.core.spec_texts import encode, spec_to_json


def canonical(spec: Spec) -> str:
    """The spec as JSON text; equal specs give equal texts."""
    return encode(spec_to_json(spec))
