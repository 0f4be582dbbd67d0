"""A double of Slack's Web API, for the methods that alerts need."""

from support.slack.double import TOKEN, Slack, slack_double
from support.slack.faults import Fault

__all__ = ["TOKEN", "Fault", "Slack", "slack_double"]
