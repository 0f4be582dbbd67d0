"""The gateway's token: where it comes from, and what is said if there is none."""

from pathlib import Path

import pytest

from jeeves_runner.core.gateway import TOKEN_VARIABLE
from jeeves_runner.core.inheritance import is_inherited
from jeeves_runner.execute.faults import Fault
from jeeves_runner.execute.session.token import read_token

ENVIRONMENT = {TOKEN_VARIABLE: "from-the-variable"}


def test_the_file_counts_before_the_variable_and_is_read_each_time(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("from-the-file\n")
    assert read_token(path, ENVIRONMENT) == "from-the-file"
    path.write_text("  a-new-one \r\n")
    assert read_token(path, ENVIRONMENT) == "a-new-one"
    assert read_token(None, ENVIRONMENT) == "from-the-variable"


def test_a_file_that_cannot_be_read_is_a_fault_whatever_the_variable_says(tmp_path: Path) -> None:
    fault = read_token(tmp_path / "token", ENVIRONMENT)
    assert isinstance(fault, Fault)
    assert (
        fault.message
        == f"the gateway's token cannot be read from {tmp_path / 'token'}: No such file or directory"
    )
    assert fault.hint is not None


def test_without_file_and_variable_both_are_named() -> None:
    fault = read_token(None, {})
    assert isinstance(fault, Fault)
    assert "`gateway.token_path`" in (fault.hint or "")
    assert TOKEN_VARIABLE in (fault.hint or "")


@pytest.mark.parametrize("token", ["", " \n", "two words", "two\nlines", "schlüssel", "nul\0", "bell\a"])
def test_what_no_header_can_carry_is_no_token_and_is_not_repeated(tmp_path: Path, token: str) -> None:
    path = tmp_path / "token"
    path.write_text(token)
    for fault in (read_token(path, {}), read_token(None, {TOKEN_VARIABLE: token})):
        assert isinstance(fault, Fault)
        assert not token.strip() or token.strip() not in f"{fault.message} {fault.hint}"


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    assert isinstance(read_token(tmp_path, {}), Fault)
    assert isinstance(read_token(Path("/dev/zero"), {}), Fault)


def test_no_job_inherits_it() -> None:
    assert not is_inherited(TOKEN_VARIABLE, None, ())
    assert not is_inherited(TOKEN_VARIABLE, ("OPENCLAW_*",), ())
