"""Runs, from the decision that admits them to the record of how they ended."""

from jeeves_runner.runs.disk import DiskGuard
from jeeves_runner.runs.execution import Logs
from jeeves_runner.runs.runs import Runs

__all__ = ["DiskGuard", "Logs", "Runs"]
