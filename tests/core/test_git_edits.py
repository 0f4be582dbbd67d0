"""Which manifests wait because a commit hook may have put them back to the text of git's index."""

from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.git_edits import PATIENCE, Commits, Edits, Seen, Wait

EDITED = Seen("edit", "old")
BACK = Seen("old", "old")


def after(*looks: Seen, step: float = 1.0) -> Edits:
    """What is known of the manifest ``a`` after these looks, ``step`` seconds apart."""
    edits = Edits()
    for number, seen in enumerate(looks):
        edits = edits.after({"a": seen}, excused=(), now=number * step)
    return edits


def test_an_edit_that_is_back_at_the_index_waits_for_a_minute() -> None:
    assert after(EDITED, BACK).waits == {"a": Wait("old", 1 + 60)}
    assert after(EDITED, BACK, BACK).waits == {"a": Wait("old", 1 + 60)}
    assert after(EDITED, BACK, BACK, step=60).waits == {}


def test_its_next_change_ends_the_wait() -> None:
    assert after(EDITED, BACK, EDITED).waits == {}
    assert after(EDITED, BACK, Seen("new", "old")).waits == {}
    assert after(EDITED, BACK, Seen(None, "old")).waits == {}


def test_a_second_hook_makes_it_wait_again() -> None:
    assert after(EDITED, BACK, EDITED, BACK).waits == {"a": Wait("old", 3 + 60)}


def test_the_part_of_an_edit_that_is_staged_is_a_text_of_the_index_too() -> None:
    assert after(EDITED, Seen("part", "part")).waits == {"a": Wait("part", 1 + 60)}


def test_a_file_that_was_removed_and_is_back_waits() -> None:
    assert after(Seen(None, "old"), BACK).waits == {"a": Wait("old", 1 + 60)}


def test_a_file_that_git_had_as_it_was_does_not_wait() -> None:
    assert after(Seen("committed", "committed"), BACK).waits == {}
    assert after(Seen(None, None), BACK).waits == {}


def test_an_edit_that_is_committed_as_it_is_does_not_wait() -> None:
    assert after(EDITED, Seen("edit", "edit")).waits == {}


def test_a_commit_of_parts_has_an_index_of_its_own() -> None:
    assert after(EDITED, Seen("part", "old", is_of_commit=True)).waits == {"a": Wait("part", 1 + 60)}
    # What it has is not in git yet: the hook may refuse it.
    tried = after(EDITED, Seen("edit", "old", is_of_commit=True), BACK)
    assert tried.waits == {"a": Wait("old", 2 + 60)}


def test_the_first_look_waits_for_nothing() -> None:
    assert after(BACK).waits == {}


def test_without_an_answer_of_git_no_wait_begins_and_none_is_forgotten() -> None:
    unknown = {"a": Seen("old", None)}
    first = after(EDITED)
    assert first.after(unknown, excused=(), now=1, is_known=False) == first
    waiting = after(EDITED, BACK)
    assert waiting.after(unknown, excused=(), now=2, is_known=False).waits == waiting.waits
    assert waiting.after(unknown, excused=(), now=1 + PATIENCE, is_known=False).waits == {}


def test_what_a_commit_says_needs_no_wait() -> None:
    assert after(EDITED).after({"a": BACK}, excused={"a"}, now=1).waits == {}


def test_a_commit_explains_a_text_that_it_has_or_that_it_brought() -> None:
    # Committed, and then another commit was checked out.
    assert Commits("old", ("edit", "old")).explain("edit", "old")
    # A reset to a commit that changes the manifest.
    assert Commits("old", ("new",)).explain("edit", "new")
    # A commit of other files, while the edit is hidden.
    assert not Commits("old", ("old",)).explain("edit", "old")
    # HEAD has not moved.
    assert not Commits("old").explain("edit", "old")


TEXTS = st.sampled_from([None, "a", "b", "c"])
LOOKS = st.lists(st.tuples(st.builds(Seen, TEXTS, TEXTS, st.booleans()), st.floats(0, 100)), max_size=12)


@given(LOOKS)
def test_it_waits_if_and_only_if_a_text_that_git_lacked_went_back_a_minute_ago_at_most(
    looks: list[tuple[Seen, float]],
) -> None:
    edits, now = Edits(), 0.0
    history: list[tuple[float, Seen]] = []
    for seen, pause in looks:
        now += pause
        edits = edits.after({"x": seen}, excused=(), now=now)
        history.append((now, seen))
        assert ("x" in edits.waits) == waits(history)
        assert ("x" in edits.lacking) == (seen.text != seen.staged)


def waits(history: list[tuple[float, Seen]]) -> bool:
    """The rule, said from the end: the present text came at a look, and the look before saw an edit."""
    now, (text, _, _) = history[-1]
    run = len(history)
    while run and history[run - 1][1].text == text:
        run -= 1
    # When it went back: where a look with another text met an edit, and the index had this one.
    if not run or run == len(history) or text is None:
        return False
    came, first = history[run]
    before = history[run - 1][1]
    if before.text == before.staged or not (first.text == first.staged or first.is_of_commit):
        return False
    return now < came + PATIENCE
