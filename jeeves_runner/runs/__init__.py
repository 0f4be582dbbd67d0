"""Runs, from the decision that admits them to the record of how they ended."""

from jeeves_runner.runs.control import Runs
from jeeves_runner.runs.disk import DiskGuard
from jeeves_runner.runs.execution import Surroundings

__all__ = ["DiskGuard", "Runs", "Surroundings"]
