"""HTTP on loopback: the same documents as ``--json``, and a few ways to act."""

from jeeves_runner.api.app import build_app
from jeeves_runner.api.services import ApiServices

__all__ = ["ApiServices", "build_app"]
