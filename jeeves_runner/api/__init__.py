"""HTTP on loopback: the same documents as ``--json``, and a few ways to act."""

from jeeves_runner.api.connection import Limits
from jeeves_runner.api.server import HttpServer
from jeeves_runner.api.services import ApiServices

__all__ = ["ApiServices", "HttpServer", "Limits"]
