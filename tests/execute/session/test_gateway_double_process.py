"""The double as a process, for those who start it by hand."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from support.gateway import double
from support.gateway.wire import only_double

pytestmark = only_double("a real gateway is started otherwise")

TESTS = Path(__file__).parents[2]


def call(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "support.gateway", *words],
        env={**os.environ, "PYTHONPATH": str(TESTS), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_says_what_it_takes() -> None:
    answer = call("--help")
    assert (answer.returncode, answer.stderr) == (0, "")
    for words in ('token             "t0ken"', "lane              8", "no-status, husk", "MODE:slow=SECONDS"):
        assert words in answer.stdout


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("port=1", "Expecting value"),
        ("[]", "the settings are a JSON object"),
        ('{"prot": 1}', "there is no setting prot; there are token, version, speed, port"),
        ('{"port": "1"}', 'port cannot be "1"; usually it is 0'),
        ('{"allow": "exec"}', 'allow cannot be "exec"; usually it is ["sessions_spawn"]'),
        ('{"version": "1"}', "there is no version 1; there are 2026.9.6, 2026.7.1, 2026.4.2"),
    ],
)
def test_settings_that_are_none_are_told_in_a_line(settings: str, told: str) -> None:
    answer = call(settings)
    assert answer.returncode == 2
    assert told in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_port_that_is_taken_is_told_in_a_line() -> None:
    with double() as gateway:
        answer = call(f'{{"port": {gateway.settings.port}}}')
    assert answer.returncode == 1
    assert answer.stderr.startswith("the double cannot live: ")
    assert "address already in use" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (b"x", "Expecting value"),
        (b'{"on": "*"}', "a fault has `on` and `kind`"),
        (b'{"on": "*", "kind": "drop", "tmies": 2}', "at most on, kind, acted"),
        (b'{"on": "*", "kind": "slow"}', "there is no fault slow; there are late, hang"),
    ],
)
def test_a_fault_that_is_none_is_refused(fault: bytes, told: str) -> None:
    with double() as gateway:
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{gateway.url}/double/faults", fault, timeout=30)
        with refused.value as answer:
            assert answer.status == 400
            assert told in answer.read().decode()
