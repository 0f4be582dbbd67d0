"""What names a session."""

import json

from jeeves_runner.execute.contract import Handle
from jeeves_runner.execute.session.handle import SessionHandle
from jeeves_runner.execute.session.label import label_of, parent_of, search_for, tail_of
from jeeves_runner.execute.session.poller import common_search

MARK = "0123456789abcdef"


def test_a_label_is_one_run_s_and_no_other_s() -> None:
    assert label_of(None, "mail.sort", 12, MARK) == "jr-mail.sort-12-01234567"
    assert label_of("ops", "mail.sort", 12, MARK) == "ops" + tail_of("mail.sort", 12, MARK)
    assert parent_of("mail.sort") == "agent:main:runner-mail.sort"
    assert search_for("agent:main:subagent:c79e4a52-2759") == "c79e4a52-2759"


def test_sessions_of_all_jobs_are_listed_by_what_their_labels_have_in_common() -> None:
    assert common_search(label_of(None, "a-1-b", 1, MARK), "a-1-b", 1) == "jr-"
    assert common_search(label_of("my-team", "a", 7, MARK), "a", 7) == "my-team-"
    assert common_search(tail_of("a", 7, MARK), "a", 7) == tail_of("a", 7, MARK)


def test_a_handle_comes_back_from_the_database() -> None:
    whole = SessionHandle(3, "l", "p", key="k", run="r", expected="json", max_tokens=5, is_counted=True)
    short = SessionHandle(3, "l", "p")
    trial = short._replace(run_id=0)
    for handle in (whole, short, trial):
        assert SessionHandle.of(Handle.from_json(handle.run_id, handle.opaque().as_json())) == handle


def test_what_is_no_handle_is_none() -> None:
    for text in ("{}", '{"executor": "session"}', '{"executor": "session", "label": 3, "parent": "p"}'):
        assert SessionHandle.of(Handle.from_json(1, text)) is None
    odd = {"executor": "session", "label": "l", "parent": "p", "key": 1, "max_tokens": True, "is_counted": 1}
    assert SessionHandle.of(Handle.from_json(1, json.dumps(odd))) == SessionHandle(1, "l", "p")
