"""What a stored spec says of alerts, also where the row was changed by hand."""

import pytest

from jeeves_runner.core.alert_spec import Alert, Expect
from jeeves_runner.core.alerts.policy import addresses_of, expect_of, policy_of


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        (None, Alert()),
        ("null", Alert()),
        ("{", Alert()),
        ("[1]", Alert()),
        ("{}", Alert()),
        ('{"on": ["missed"], "after": 3, "on_recovery": false}', Alert(("missed",), 3, on_recovery=False)),
        ('{"remind_ms": null}', Alert(remind_ms=None)),
        ('{"on": [], "after": 1}', Alert(on=())),
        ('{"on": "missed", "after": 0, "remind_ms": 0, "on_recovery": 1}', Alert()),
        ('{"after": true, "remind_ms": "6h"}', Alert()),
        ('{"remind_ms": 1000000000000000}', Alert()),
    ],
)  # fmt: skip
def test_what_cannot_be_read_has_its_default(text: str | None, policy: Alert) -> None:
    assert policy_of(text) == policy


@pytest.mark.parametrize(
    ("text", "channels"),
    [
        (None, ()),
        ("[]", ()),
        ("7", ()),
        ('"C0123456"', ()),
        ('["C0123456", ""]', ()),
        ('["C0123456", "webhook:a", "C0123456"]', ("C0123456", "webhook:a")),
    ],
)
def test_channels_are_a_list_of_texts_each_once(text: str | None, channels: tuple[str, ...]) -> None:
    assert addresses_of(text) == channels


@pytest.mark.parametrize(
    ("text", "expect"),
    [
        (None, Expect()),
        ('{"start_within_ms": 1000, "finish_within_ms": 2000}', Expect(1_000, 2_000)),
        ('{"finish_by": "08:00"}', Expect(finish_by="08:00")),
        ('{"start_within_ms": 1000000000000000, "finish_within_ms": true}', Expect()),
        ('{"finish_by": "*:0"}', Expect()),
        ('{"finish_by": "1,2:30"}', Expect()),
        ('{"finish_by": "24:00"}', Expect()),
    ],
)
def test_what_is_no_time_and_no_length_is_not_expected(text: str | None, expect: Expect) -> None:
    assert expect_of(text) == expect
