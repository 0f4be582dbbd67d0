"""What the far side throws back is shown without what is secret of it."""

import pytest

from jeeves_runner.notify.hiding import of_url, texts_of, without

URL = "https://user:pass-word@hooks.example.org/services/T0AAAAAA/sesame%20seed?key=abcdefgh&n=1"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"no such place: {URL}", "no such place: ***"),
        ("POST /services/T0AAAAAA/sesame%20seed?key=abcdefgh&n=1 is unknown", "POST /*** is unknown"),
        ("unknown team T0AAAAAA", "unknown team ***"),
        ("unknown key abcdefgh, seed sesame seed", "unknown key ***, seed ***"),
        ("pass-word is wrong", "*** is wrong"),
        ("n=1 at hooks.example.org", "n=1 at hooks.example.org"),
    ],
)
def test_of_a_url_all_that_may_be_a_key_is_hidden(said: str, shown: str) -> None:
    assert without(said, of_url(URL)) == shown


def test_the_form_that_json_gives_a_secret_is_hidden_too() -> None:
    assert without('{"key": "quo\\"ted\\\\key"}', ['quo"ted\\key']) == '{"key": "***"}'


def test_of_a_template_what_is_sent_as_it_stands_is_hidden() -> None:
    template = {"routing_key": "abcdefgh", "parts": [{"text": "{{ title }} of abcdefghi"}, "ijklmnop", 5]}
    assert list(texts_of(template)) == ["abcdefgh", "ijklmnop"]


def test_short_words_are_no_secrets() -> None:
    assert without("ops: error", ["ops", "error"]) == "ops: error"
