"""Runs, from the decision that admits them to the record of how they ended."""

from jeeves_runner.runs.disk import DiskGuard
from jeeves_runner.runs.runs import Runs
from jeeves_runner.runs.trace import Logs

__all__ = ["DiskGuard", "Logs", "Runs"]
