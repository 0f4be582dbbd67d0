"""Executors: how a run's work is started, watched and ended, and what becomes of its output."""
