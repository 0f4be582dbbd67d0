"""Which programs a text starts, where that is certain; and nothing where it is not."""

import pytest

from jeeves_runner.core.shell_words import is_surely_right, programs_in


def names(text: str) -> list[str]:
    return [each.name for each in programs_in(text)]


@pytest.mark.parametrize(
    ("text", "programs"),
    [
        ("pg_dump db | gzip > out && rsync a b; rm c", ["pg_dump", "gzip", "rsync", "rm"]),
        ("LANG=C FOO='a b' sort x", ["sort"]),
        ("if grep -q a b; then curl x; else wget y; fi", ["grep", "curl", "wget"]),
        ("for f in a b c; do gzip $f; done", ["gzip"]),
        ("while ! ping -c1 x; do sleep 1; done", ["ping", "sleep"]),
        ("(cd x && make) 2>/dev/null", ["make"]),
        ("> out tar c x", ["tar"]),
        ("echo 'a\nnot a program' | wc", ["wc"]),
        ("# comment here\n\necho a # rm b", []),
        ('$TOOL a; "$X"; ./here; bin/there; ~/own', []),
        ("/opt/tool a", ["/opt/tool"]),
        ("command -v jq >/dev/null && jq . x", []),
        ("echo ';' foo; a\\;b", []),
        ("set -e; cd x; export A=b; test -f y; [ -f z ]", []),
    ],
)
def test_the_first_words_of_commands_are_programs(text: str, programs: list[str]) -> None:
    assert names(text) == programs


@pytest.mark.parametrize(
    "text",
    [
        "f() { x; }\nf",
        "cat <<EOF\nnot a program\nEOF",
        "case $x in a) b;; esac",
        "alias ll='ls -l'; ll",
        ". ./env.sh\nown",
        "PATH=$PATH:/opt; own",
        "x=$(own a)",
        "tar c \\\n  own",
        "echo 'open",
    ],
)
def test_of_what_is_not_certain_nothing_is_told(text: str) -> None:
    assert names(text) == []


def test_each_has_the_line_where_its_command_begins() -> None:
    assert [each.line for each in programs_in("echo a\n\nb 'c\nd'\ne")] == [3, 5]


def test_simple_texts_need_no_shell_to_read_them() -> None:
    assert is_surely_right("echo hello\nrsync -a /srv/a b@c:/d --x=1")
    assert not is_surely_right("if")
    assert not is_surely_right("echo 'a")
