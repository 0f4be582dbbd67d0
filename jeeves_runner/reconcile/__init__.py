"""Declared to live: planned, applied, and kept so."""
