"""A channel as the delivery of messages sees it: how it does, how long it rests, what the log says of it."""

import logging
import random
from collections import Counter
from datetime import timedelta

from jeeves_runner.core.alerts.address import parse
from jeeves_runner.core.alerts.backoff import rest
from jeeves_runner.core.wording import brief
from jeeves_runner.notify.contract import NotSent, Rejected
from jeeves_runner.troubles import Trouble

log = logging.getLogger(__name__)


class Lane:
    """A channel, and how it does."""

    def __init__(self, address: str) -> None:
        found = parse(address)
        self.address = address
        self.kind = "" if found is None else found.kind
        self.is_paced = self.kind == "slack"
        self.is_busy = False
        self.is_refused = False
        self.failures = 0
        self.in_vain = Counter[int]()
        """How often a message was tried in vain, by the id of its first row."""
        self.rests = timedelta()
        self.rests_until = 0.0
        self._given_up = 0
        self._stumbles = 0
        self._of_database = Trouble(log, over=f"the messages to {brief(address)} can be recorded again")
        self._trouble = Trouble(log, over=f"messages to {brief(address)} arrive again")

    @property
    def is_in_trouble(self) -> bool:
        """Whether it has taken nothing since it failed, or refused something."""
        return self._trouble.lasts

    def is_free(self, monotonic: float) -> bool:
        return not self.is_busy and monotonic >= self.rests_until

    def failed(self, error: NotSent, monotonic: float) -> None:
        self.failures += 1
        self.rests = rest(self.failures, error.retry_after, random.random)
        self.rests_until = monotonic + self.rests.total_seconds()
        if error.retry_after is None or self.failures > 1:  # a limit of messages is over with the next try
            self._trouble.met(f"no message can be sent to {brief(self.address)}: {error.message}")

    def stumbled(self, error: Exception, monotonic: float) -> None:
        self._stumbles += 1
        self.rests_until = monotonic + rest(self._stumbles, None, random.random).total_seconds()
        words = f"the messages to {brief(self.address)} cannot be read or recorded now, and are tried again"
        self._of_database.met(f"{words}: {error}", logging.ERROR)

    def refused(self, error: Rejected) -> None:
        self.is_refused = True  # a thousand logins in a second with a wrong password would lock the account
        words = f"{brief(self.address)} takes no message: {error.message}; {error.hint}"
        self._trouble.met(words, logging.ERROR)

    def worked(self) -> None:
        self.failures, self.rests_until, self.is_refused, self._stumbles = 0, 0.0, False, 0
        self._of_database.over()
        self._trouble.over()

    def given_up(self, messages: int) -> None:
        self._given_up += messages

    def say_what_was_given_up(self) -> None:
        """In one line, however many they were."""
        if self._given_up:
            words = "messages to %s are given up, for a day they were not taken: %d (`jeeves-runner alerts`)"
            log.error(words, brief(self.address), self._given_up)
        self._given_up = 0
