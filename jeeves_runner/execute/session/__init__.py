"""Carries runs out as sessions of an agent, through a gateway."""
