"""What is said of an incident, and when: any sequence of what happens, of looks, mutes and pauses."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clock import NOON

from jeeves_runner.core.alert_spec import Alert
from jeeves_runner.core.alerts import machine
from jeeves_runner.core.alerts.machine import Incident, Rules, Step
from jeeves_runner.core.alerts.words import Cause, Said

MINUTE = timedelta(minutes=1)
CHANNELS = ("C0123456",)
HOURLY = Alert(remind_ms=3_600_000)
USUAL = Rules(HOURLY, CHANNELS)


def fail(before: Incident | None, rules: Rules = USUAL, minute: int = 0) -> Step:
    return machine.happened(before, Cause.FAILURE, rules, NOON + minute * MINUTE)


def look(incident: Incident, rules: Rules = USUAL, minute: int = 0) -> Step:
    return machine.looked_at(incident, rules, NOON + minute * MINUTE)


# One thing after the other


def test_the_first_failure_is_said_and_the_next_ones_are_counted() -> None:
    first = fail(None)
    second = fail(first.incident, minute=5)
    assert (first.said, second.said) == (Said.OPENED, None)
    assert second.incident == Incident(
        opened_at=NOON,
        times=2,
        told_at=NOON,
        said_at=NOON,
        remind_at=NOON + timedelta(hours=1),
        remind_ms=3_600_000,
        channels=CHANNELS,
    )


@pytest.mark.parametrize("cause", [Cause.FAILURE, Cause.INTERRUPTED])
def test_failures_are_said_once_there_are_enough_in_a_row(cause: Cause) -> None:
    rules = Rules(Alert(after=3), CHANNELS)
    incident: Incident | None = None
    said = []
    for _ in range(4):
        step = machine.happened(incident, cause, rules, NOON)
        incident = step.incident
        said.append(step.said)
    assert said == [None, None, Said.OPENED, None]


@pytest.mark.parametrize("cause", [Cause.MISSED, Cause.LATE, Cause.OVERRUN, Cause.DISK_FULL])
def test_what_is_no_failure_is_said_at_once(cause: Cause) -> None:
    assert machine.happened(None, cause, Rules(Alert(after=3), CHANNELS), NOON).said is Said.OPENED


def test_people_are_reminded_as_long_as_it_is_open() -> None:
    incident = fail(None).incident
    said = []
    for minute in range(200):
        step = look(incident, minute=minute)
        incident = step.incident
        said += [(minute, step.said)] if step.said else []
    assert said == [(60, Said.REMINDER), (120, Said.REMINDER), (180, Said.REMINDER)]


def test_nobody_is_reminded_who_does_not_want_to_be() -> None:
    never = Rules(Alert(remind_ms=None), CHANNELS)
    assert look(fail(None, never).incident, never, minute=10**6).said is None


def test_nobody_is_reminded_of_a_job_that_rests_and_at_once_when_it_goes_on() -> None:
    incident = fail(None).incident
    resting = look(incident, USUAL._replace(is_resting=True), minute=90)
    assert (resting.said, look(resting.incident, minute=91).said) == (None, Said.REMINDER)


def test_what_opens_under_a_mute_is_said_when_it_ends_also_of_a_job_that_rests() -> None:
    muted = fail(None, USUAL._replace(is_muted=True))
    resting = USUAL._replace(is_resting=True)
    assert muted.said is None
    assert look(muted.incident, resting._replace(is_muted=True), minute=1).said is None
    told = look(muted.incident, resting, minute=2)
    assert (told.said, told.incident.told_at, told.incident.opened_at) == (
        Said.OPENED,
        NOON + 2 * MINUTE,
        NOON,
    )


def test_what_was_known_before_a_mute_is_said_once_more_after_it() -> None:
    incident = machine.muted(fail(None).incident, NOON + MINUTE)
    assert look(incident, USUAL._replace(is_muted=True), minute=2).said is None
    after = look(incident, minute=3)
    assert (after.said, look(after.incident, minute=4).said) == (Said.REMINDER, None)


def test_a_mute_says_nothing_of_failures_that_are_too_few() -> None:
    rules = Rules(Alert(after=2), CHANNELS)
    assert look(machine.muted(fail(None, rules).incident, NOON), rules, minute=1).said is None


def test_where_nobody_is_to_be_told_an_incident_is_counted_and_told_once_somebody_is() -> None:
    nobody = Rules(HOURLY, ())
    first = fail(None, nobody)
    assert (first.said, look(first.incident, nobody, minute=600).said) == (None, None)
    assert fail(first.incident).said is Said.OPENED


def test_its_end_is_said_to_those_who_know_of_it_and_want_to_hear_that() -> None:
    open_one = fail(None).incident
    untold = fail(None, Rules(Alert(after=2), CHANNELS)).incident
    quiet = Rules(Alert(on_recovery=False), CHANNELS)
    assert machine.ended(open_one, USUAL) is Said.RECOVERED
    assert machine.ended(untold, USUAL) is None
    assert machine.ended(open_one, quiet) is None
    assert machine.ended(open_one, USUAL._replace(is_muted=True)) is None


def test_a_reminder_goes_where_the_job_says_by_now_and_the_end_where_it_was_told() -> None:
    elsewhere = Rules(HOURLY, ("webhook:new",))
    step = look(fail(None).incident, elsewhere, minute=60)
    assert (step.said, step.channels) == (Said.REMINDER, ("webhook:new",))
    assert step.incident.channels == (*CHANNELS, "webhook:new")
    muted = fail(None, USUAL._replace(is_muted=True)).incident
    assert look(muted, elsewhere, minute=60).incident.channels == ("webhook:new",)


@pytest.mark.parametrize("is_muted", [False, True], ids=["told", "muted"])
def test_where_nobody_is_to_hear_of_it_any_more_nothing_is_said(is_muted: bool) -> None:
    incident = fail(None, USUAL._replace(is_muted=is_muted)).incident
    step = look(incident, Rules(HOURLY, ()), minute=60)
    assert step.said is None
    assert look(step.incident, minute=119).said is None
    assert look(step.incident, minute=120).said is (Said.OPENED if is_muted else Said.REMINDER)


def test_what_no_channel_has_taken_is_told_anew_as_what_opens() -> None:
    untaken = machine.refused(fail(None).incident, NOON)
    assert (machine.ended(untaken, USUAL), fail(untaken).said) == (None, None)
    assert look(untaken, minute=0).said is None
    step = look(untaken, Rules(HOURLY, ("webhook:new",)), minute=1)
    assert (step.said, step.channels) == (Said.OPENED, ("webhook:new",))
    assert step.incident.opened_at == NOON
    assert step.incident.remind_at == NOON + timedelta(hours=1, minutes=1)


def test_the_longer_no_channel_takes_it_the_longer_it_waits() -> None:
    incident, now, waits = fail(None).incident, NOON, []
    for _ in range(15):
        incident = machine.refused(incident, now)
        assert incident.remind_at is not None
        waits.append(incident.remind_at - now)
        now = incident.remind_at
    assert waits[:3] == [MINUTE] * 3
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(hours=1)


# Any sequence

ACTS = st.sampled_from(["fail", "fail", "well", "mute", "unmute", "rest", "go on", "look", "look"])
STEPS = st.lists(st.tuples(ACTS, st.sampled_from([0, 1, 7, 30, 61])), max_size=60)
POLICIES = st.builds(
    Alert,
    after=st.integers(1, 3),
    remind_ms=st.sampled_from([None, 600_000, 3_600_000]),
    on_recovery=st.booleans(),
)


class Play:
    """One job and one cause, as the database would keep it between the acts."""

    def __init__(self, policy: Alert) -> None:
        self.rules = Rules(policy, CHANNELS)
        self.now = NOON
        self.incident: Incident | None = None
        self.words: list[tuple[datetime, Said]] = []
        """Of the incident that is open."""
        self.unmuted_at: list[datetime] = []

    def act(self, act: str) -> None:
        match act:
            case "fail":
                self.take(machine.happened(self.incident, Cause.FAILURE, self.rules, self.now))
            case "well" if self.incident is not None:
                said = machine.ended(self.incident, self.rules)
                self.words += [(self.now, said)] if said else []
                self.check_whole()
                self.incident, self.words = None, []
            case "mute":
                self.rules = self.rules._replace(is_muted=True)
                if self.incident is not None:
                    self.incident = machine.muted(self.incident, self.now)
            case "unmute":
                self.unmuted_at += [self.now] if self.rules.is_muted else []
                self.rules = self.rules._replace(is_muted=False)
            case "rest" | "go on":
                self.rules = self.rules._replace(is_resting=act == "rest")
            case "look" if self.incident is not None:
                self.take(machine.looked_at(self.incident, self.rules, self.now))
                self.check_told()

    def take(self, step: Step) -> None:
        self.incident = step.incident
        if step.said is not None:
            assert not self.rules.is_muted
            assert step.said is not Said.REMINDER or not self.rules.is_resting
            self.words.append((self.now, step.said))

    def check_whole(self) -> None:
        """Opened once, reminders at a distance, recovered once if it was told."""
        said = " ".join(word for _, word in self.words)
        assert re.fullmatch(r"(opened( reminder)*( recovered)?)?", said)
        reminders = [at for at, word in self.words if word in (Said.OPENED, Said.REMINDER)]
        for before, after in pairwise(reminders):
            is_far = self.remind is not None and after - before >= self.remind
            assert is_far or any(before < at <= after for at in self.unmuted_at), "by a mute's end alone"
        if self.words and self.rules.policy.on_recovery and not self.rules.is_muted:
            assert said.endswith("recovered")

    def check_told(self) -> None:
        """After a look nothing is left to be said."""
        assert self.incident is not None
        if self.rules.is_muted or self.incident.times < self.rules.policy.after:
            return
        assert self.words
        last = self.words[-1][0]
        if not self.rules.is_resting:
            assert self.remind is None or self.now - last < self.remind
            assert not any(at > last for at in self.unmuted_at), "what is open at a mute's end is said"

    @property
    def remind(self) -> timedelta | None:
        ms = self.rules.policy.remind_ms
        return None if ms is None else timedelta(milliseconds=ms)


@given(POLICIES, STEPS)
def test_every_incident_is_opened_once_and_closed_once_and_nothing_is_said_under_a_mute(
    policy: Alert, steps: Sequence[tuple[str, int]]
) -> None:
    play = Play(policy)
    for act, minutes in steps:
        play.now += minutes * MINUTE
        play.act(act)
    play.act("well")
