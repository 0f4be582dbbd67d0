"""Telling people: Slack, webhooks, mail; and heartbeats for those who watch the watcher."""
