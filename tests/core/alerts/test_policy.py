"""What a stored spec says of alerts, also where the row was changed by hand."""

import pytest

from jeeves_runner.core.alerts.policy import addresses_of, policy_of
from jeeves_runner.core.model import Alert


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
