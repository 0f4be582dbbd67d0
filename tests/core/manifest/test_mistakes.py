"""What is said of manifests that are wrong, and what of them counts all the same."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.manifests import READER, assert_error, error_of, job, read

from jeeves_runner.core.manifest.rules import LATER


def test_a_value_of_the_wrong_kind_is_one_mistake() -> None:
    assert [problem.message for problem in read("jobs: [5, null]\n").problems] == [
        "this must be a mapping of a job's keys, not 5",
        "this must be a mapping of a job's keys, not null",
    ]


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    [
        ("run: x\nscheduel: '@daily'\n", 2, 1, "unknown key `scheduel`", "did you mean `schedule`?"),
        ("run: x\ntimeout: 30\n", 2, 10, "must be a duration", "30s"),
        ("run: x\nenabled: yes\n", 2, 10, "must be true or false", "write true"),
        ("run: x\nschedule: 5\n", 2, 11, "must be a cron expression", ""),
        ("run: x\nschedule: '0 0 31 2 *'\n", 2, 11, "never occurs", ""),
        ("run: x\nschedule: '61 * * * *'\n", 2, 11, "minute", ""),
        ("run: x\nschedule: ['@daily', '* * *']\n", 2, 22, "3 fields", ""),
        ("run: x\ntimezone: Europe/Berln\n", 2, 11, "not known", "Europe/Berlin"),
        ("run: x\noverlap_policy: skipp\n", 2, 17, "one of skip, allow, queue, replace", "skip"),
        ("run: x\nscript: y\n", 2, 1, "exactly one of", ""),
        ("{}\n", 1, 1, "declares nothing", "jobs: []"),
        ("# x\ndefaults: {timeout: 1m}\n", 2, 1, "no list of jobs, queues or nodes", "write `jobs: []`"),
        ("name: x\n", 1, 1, "needs one of `script`, `run`, `command`", "`run: echo hello`"),
        ("run: x\nid: Bad Id\n", 2, 5, "lower-case", ""),
        ('run: x\nid: "a\\n"\n', 2, 5, "lower-case", ""),
        ("run: x\nenv: {JR_X: y}\n", 2, 7, "JR_", ""),
        ("run: x\nenv: {A: 1}\n", 2, 10, "`env.A` must be text", 'quote it: "1"'),
        ("run: x\ntimeout: 90\n", 2, 10, "must be a duration", "its unit: 90s, 90m, 90h or 90d"),
        ("run: x\nargs: [true]\n", 2, 8, "`args[0]` must be text, not true", 'quote it: "true"'),
        ("run: x\nenabled: 'true'\n", 2, 10, "must be true or false", "without quotes: true"),
        ("run: x\npriority: '5'\n", 2, 11, "must be a whole number", "without quotes: 5"),
        ("run: x\npriority: 1e2\n", 2, 11, "must be a whole number", "without point and exponent: 100"),
        ("run: x\nretries: {limit: 1e1}\n", 2, 18, "must be a whole number", ": 10"),
        ("defaults: {priority: 2.0}\njobs: []\n", 1, 22, "must be a whole number", ": 2"),
        ("queues: [{id: q, max_attempts: 3.0}]\n", 1, 32, "must be a whole number", ": 3"),
        ("run: x\ntimeout: 0s\n", 2, 10, "a timeout of 0", "leave it out for no limit"),
        ("run: x\ntimeout: 99999999999d\n", 2, 10, "more than ten years", ""),
        ("queues: [{id: q, lease: 0s}]\n", 1, 25, "a lease of 0", "such as 5m"),
        ('run: x\nargs: [a, "a\\0b"]\n', 2, 11, "`args[1]` holds a NUL character", "remove"),
        ('command: [a, "a\\0b"]\n', 1, 14, "`command[1]` holds a NUL character", "remove"),
        ('run: "a\\0b"\n', 1, 6, "`run` holds a NUL character", "remove"),
        ('run: x\ncwd: "a\\0b"\n', 2, 6, "`cwd` holds a NUL character", "remove"),
        ('run: x\nenv: {A: "a\\0b"}\n', 2, 10, "`env.A` holds a NUL character", "remove"),
        ('run: x\nenv: {A: {file: "a\\0b"}}\n', 2, 10, "`env.A` holds a NUL character", "remove"),
        ('command: [""]\n', 1, 11, "`command[0]` must be the name or path of a program", ""),
        ("run: x\ntimezone: localtime\n", 2, 11, "'localtime' is not known", "IANA"),
        ("run: x\ntimezone: posixrules\n", 2, 11, "'posixrules' is not known", "IANA"),
        ("run: x\ntimezone: right/UTC\n", 2, 11, "'right/UTC' is not known", ""),
        ("run: x\ntimezone: Foo/Bar\n", 2, 11, "'Foo/Bar' is not known", "use a name of the IANA"),
        ("run: x\nenv: [a]\n", 2, 6, "must be a mapping", ""),
        ("run: x\npool: nowhere\n", 2, 7, "no pool `nowhere`", "db"),
        ("run: x\ntype: sesion\n", 2, 7, "must be one of script, session", "did you mean session?"),
        ("run: x\ntimeout: 5m10h\n", 2, 10, "from large to small", ""),
        ("run: x\nkeep: {}\n", 2, 7, "`keep`", ""),
        ("run: x\nkeep: {days: 30}\n", 2, 14, "`keep.days` must be a duration", "30s"),
        ("run: x\nkeep: {runs: 0}\n", 2, 14, "must be a whole number from 1 to 1000000", ""),
        ("run: x\nprecheck: test -s a\n", 2, 11, "`precheck` must be a mapping such as {run:", ""),
        ("run: x\nprecheck: {}\n", 2, 11, "`precheck` needs one of `script`, `run`, `command`", "`run: echo"),
        ("run: x\nprecheck: {run: a, script: b}\n", 2, 20, "`run` and `script` stand together", "take one"),
        (
            "run: x\nprecheck: {timeout: 5s, run: x}\n",
            2,
            12,
            "unknown key `timeout`",
            "begin it in the column of that",
        ),
        ("run: x\nprecheck: {run: ''}\n", 2, 17, "`precheck.run` must be text", "it is empty"),
        ("run: x\nexit_codes: {}\n", 2, 13, "`exit_codes` must be a mapping", "it is empty"),
        ("run: x\nexit_codes: {ok: []}\n", 2, 18, "must be a list of exit codes, not []", "it is empty"),
        ("run: x\nprecheck: {command: a b}\n", 2, 21, "`precheck.command` must be a list such as", ""),
        ('run: x\nprecheck: {command: [a, "a\\0b"]}\n', 2, 25, "`precheck.command[1]` holds a NUL", "remove"),
        ('run: x\nprecheck: {run: "a\\0b"}\n', 2, 17, "`precheck.run` holds a NUL", "remove"),
        ("defaults: {precheck: {run: 5}}\njobs: []\n", 1, 28, "`precheck.run` must be text", 'quote it: "5"'),
        ("run: x\nexit_codes: {}\n", 2, 13, "`exit_codes` must be a mapping such as", ""),
        ("run: x\nexit_codes: {ok: 1}\n", 2, 18, "`exit_codes.ok` must be a list of exit codes", ""),
        ("run: x\nexit_codes: {ok: []}\n", 2, 18, "`exit_codes.ok` must be a list of exit codes", ""),
        ("run: x\nexit_codes: {ok: [0]}\n", 2, 19, "an exit code from 1 to 255, not 0", ""),
        ("run: x\nexit_codes: {skip: [256]}\n", 2, 21, "an exit code from 1 to 255, not 256", ""),
        ("run: x\nexit_codes: {fail: [2]}\n", 2, 14, "unknown key `fail`", "known are ok, skip"),
        (
            "run: x\nexit_codes: {ok: [1, 2], skip: [78, 2]}\n",
            2,
            37,
            "exit code 2 stands in `exit_codes.ok` and in `exit_codes.skip`",
            "one meaning",
        ),
        (
            "run: x\nretries: {limit: 1, on_exit_codes: [75, 78]}\nexit_codes: {skip: [78]}\n",
            2,
            41,
            "exit code 78 stands in `exit_codes.skip` and in `retries.on_exit_codes`",
            "one meaning",
        ),
        ("run: x\nretries: {delay: 5s}\n", 2, 10, "`retries` needs `limit`", ""),
        (
            "run: x\nretries: {limit: 1, delay: 2h, max_delay: 1h}\n",
            2,
            43,
            "shorter than `retries.delay`",
            "2h",
        ),
        (
            "queues:\n- {id: q, backoff: {delay: 5m, max_delay: 1m}}\n",
            2,
            43,
            "shorter than `backoff.delay`",
            "5m",
        ),
        ("- a\n- b\n", 1, 1, "a manifest is a mapping", ""),
        ("jobs: {id: a}\n", 1, 7, "must be a list", ""),
        ("jobs: []\nid: a\n", 2, 1, "unknown key `id` beside a list", ""),
        ("defautls: {}\njobs: []\n", 1, 1, "unknown key `defautls`", "did you mean `defaults`?"),
        ("nodes: {id: a}\n", 1, 8, "`nodes` must be a list", "- id: …"),
        ("nodes:\n  - {kind: sink}\n", 2, 5, "this node needs an `id`", ""),
        ("jobs:\n  - run: x\n", 2, 5, "this job needs an `id`", ""),
        ("queues:\n  - {id: q, dedup: {key: id}}\n", 2, 26, "$.id", ""),
        ("defaults: {run: x}\njobs: []\n", 1, 12, "defaults may not set `run`", "into each job"),
        ("defaults: {retries: {dely: 1s}}\njobs: []\n", 1, 22, "unknown key `dely`", "did you mean `delay`?"),
        ("defaults: {retries: {delay: 5}}\njobs: []\n", 1, 29, "`retries.delay` must be a duration", "5s"),
        ("defaults: {retries: 5}\njobs: []\n", 1, 21, "`retries` must be a mapping such as", ""),
        ("defaults: {env: {JR_X: y}}\njobs: []\n", 1, 18, "the name `JR_X` is not allowed", ""),
        ("defaults: {env: {A: 1}}\njobs: []\n", 1, 21, "`env.A` must be text", 'quote it: "1"'),
        ("defaults: {overlap_policy: skipp}\njobs: []\n", 1, 28, "one of skip", "did you mean skip?"),
        ("run: x\nshedule:\n", 2, 1, "unknown key `shedule`", "did you mean `schedule`?"),
        ("run: x\nschedule:\n", 2, 10, "`schedule` must be a cron expression", "it is empty"),
    ],
)
def test_problems_say_where_what_and_how_to_mend_it(
    text: str, line: int, column: int, message: str, hint: str
) -> None:
    assert_error(text, line, column, message, hint)


@pytest.mark.parametrize(
    "written", ["1.10", "1e3", "0x1F", "0o17", "+1", "5.", ".5", "-0", "True", "FALSE", "1.0"]
)
def test_a_hint_quotes_what_is_written(written: str) -> None:
    for text in (f"run: x\nenv: {{V: {written}}}\n", f"run: x\nargs: [a, {written}]\n", f"run: {written}\n"):
        _, _, message, hint = error_of(text)
        assert message.endswith(f", not {written}")
        assert hint == f'quote it: "{written}"'
    _, _, message, hint = error_of(f"run: x\nname: &v {written}\nenv: {{V: *v}}\n")
    assert (message, hint) == (f"`env.V` must be text, {{file: PATH}} or {{from_env: NAME}}, not {written}",
                               f'quote it: "{written}"')  # fmt: skip


@pytest.mark.parametrize("written", ["012", "1_000", "12:30", "2026-12-25", "1.2.3", "0777", "yes"])
def test_what_yaml_1_1_took_for_another_value_is_the_text_that_is_written(written: str) -> None:
    assert job(f"run: x\ntimeout: 1m\nenv: {{V: {written}}}\n").env == (("V", written),)


@pytest.mark.parametrize(
    ("key", "written", "hint"),
    [
        ("timeout", "0x1F", "for example `timeout: 1h`"),
        ("timeout", "-5", "for example `timeout: 1h`"),
        ("timeout", "1.5", "for example `timeout: 1h`"),
        ("timeout", "90", "a number needs its unit: 90s, 90m, 90h or 90d"),
        ("priority", "010", "it is text: whole numbers have digits alone, and do not begin with 0"),
        ("priority", "1_000", "it is text: whole numbers have digits alone, and do not begin with 0"),
        ("priority", "'010'", "it is text: whole numbers have digits alone, and do not begin with 0"),
        ("priority", "'10'", "write it without quotes: 10"),
        ("priority", "1.10", "for example `priority: 10`"),
        ("priority", "1e2", "write it without point and exponent: 100"),
        ("enabled", "1", "for example `enabled: false`"),
        ("env", "{V: 0." + "1" * 80 + "}", "quote it"),
    ],
)
def test_a_hint_that_shows_a_value_works_when_pasted(key: str, written: str, hint: str) -> None:
    assert error_of(f"run: x\n{key}: {written}\n")[3] == hint


def test_all_mistakes_of_a_job_are_told_at_once() -> None:
    text = "run: [a]\nschedule: '0 25 * * *'\ntimezone: UTC\ntimeout: 5m1h\ncron: x\nexclude: [never]\n"
    assert sorted(each.line for each in read(text).problems) == [1, 2, 4, 5]
    text = "runn: x\ntimezone: Europe/Viena\nschedule: '@daily'\n"
    assert {each.line for each in read(text).problems} == {1, 2}


def test_what_the_values_that_are_left_out_would_mend_is_no_mistake() -> None:
    text = "run: x\nschedule: 5\nexpect: {start_within: 5m}\ncatch_up: latest\nmax_delay: 1m\n"
    assert {each.line for each in read(text).problems} == {2, 5}


def test_an_invalid_job_leaves_its_siblings_alone() -> None:
    result = read("jobs:\n  - {id: good, run: x, timeout: 1m}\n  - {id: bad, run: x, priority: high}\n")
    assert [e.id for e in result.entries] == ["good"]
    assert result.invalid == {("job", "bad")}
    assert not result.broken
    assert not result.unreadable


def test_an_entry_without_a_readable_id_is_marked() -> None:
    assert read("jobs:\n  - {run: x}\n").unreadable
    assert read("jobs:\n  - {id: 5, run: x}\n").unreadable
    assert read("jobs:\n  - 5\n").unreadable


@pytest.mark.parametrize("key", sorted(LATER))
def test_a_key_that_is_still_to_come_is_not_taken_for_a_misspelt_one(key: str) -> None:
    of_a_job = f"jobs:\n- id: a\n  run: x\n  {key}: [a]\n"
    for text, place in ((of_a_job, (4, 3)), (f"{key}: []\njobs: []\n", (1, 1))):
        found = error_of(text)
        assert found[:2] == place
        assert f"`{key}`" in found[2]
        assert "not supported by this version" in found[2]


def test_an_empty_defaults_file_is_told_what_to_hold() -> None:
    _, (problem,) = READER.read_defaults("jobs.d/_defaults.yaml", b"")
    assert problem.hint == "delete it, or write `defaults: {}`"


def test_broken_defaults_in_a_file_make_its_jobs_invalid() -> None:
    result = read("defaults: {timeout: 5}\njobs:\n  - {id: a, run: x}\n")
    assert result.entries == ()
    assert ("job", "a") in result.invalid or result.broken


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("jobss", "jobs"),
        ("job", "jobs"),
        ("jbos", "jobs"),
        ("Jobs", "jobs"),
        ("quues", "queues"),
        ("ndoes", "nodes"),
    ],
)
def test_a_misspelt_list_is_one_mistake_and_holds_what_came_from_the_file(misspelt: str, meant: str) -> None:
    for beside in ("", "defaults: {timeout: 1m}\n"):
        result = read(f"{misspelt}:\n  - {{id: a, run: x}}\n{beside}")
        (problem,) = result.problems
        assert (problem.message, problem.hint) == (f"unknown key `{misspelt}`", f"did you mean `{meant}`?")
        assert (problem.line, problem.column) == (1, 1)
        assert result.unreadable


def test_of_many_mistakes_a_hundred_are_listed_and_all_count() -> None:
    jobs = "".join(f"  - {{id: j{n}, run: x, scheduel: '@daily'}}\n" for n in range(500))
    result = read(f"jobs:\n{jobs}  - {{id: late, run: x, timezone: Europe/Berln}}\n")
    assert [p.line for p in result.problems] == [*range(2, 102), 102]
    assert result.problems[-1].message == "… and at least 401 more errors from here on"
    assert len(result.invalid) == 501


def test_warnings_do_not_crowd_out_errors() -> None:
    jobs = "".join(f"  - {{id: j{n}, run: x}}\n" for n in range(102))
    result = read(f"jobs:\n{jobs}  - {{id: late, run: x, timeout: 5}}\n")
    assert [p.severity for p in result.problems[99:]] == ["warning", "error", "warning"]
    assert result.problems[-1].message == "… and 2 more warnings from here on"


def test_one_value_full_of_mistakes_is_read_as_far_as_it_is_told_of() -> None:
    keys = "".join(f"key{n}: 1\n" for n in range(5000))
    for text in (f"run: x\n{keys}", f"jobs: []\n{keys}", keys, f"run: x\nargs: {[5] * 5000}\n"):
        assert len(read(text).problems) == 101


@pytest.mark.parametrize("key", ["defautls", "x-nodes", "x-common"])
def test_beside_a_key_that_means_nothing_no_entry_is_taken(key: str) -> None:
    """It may be a mistyped `defaults`, without which the jobs would be others than meant."""
    result = read(f"{key}: {{enabled: false}}\njobs:\n  - {{id: a, run: x}}\nqueues:\n  - {{id: q}}\n")
    assert result.entries == ()
    assert result.invalid == {("job", "a"), ("queue", "q")}
    assert [problem.line for problem in result.problems] == [1]


def test_what_a_message_quotes_is_short_and_on_one_line() -> None:
    (problem,) = read(f'run: x\ntimeout: 1m\n"a\\nb{"c" * 500}": 1\n').problems
    assert "a\\nbccc" in str(problem)
    assert len(str(problem).splitlines()) == 1
    assert len(str(problem)) < 150


def test_no_timeout_is_a_warning_only() -> None:
    result = read("run: x\n")
    assert [(p.severity, p.code) for p in result.problems] == [("warning", "no_timeout")]
    assert len(result.entries) == 1


def test_the_file_name_must_do_as_an_id() -> None:
    result = read("run: x\n", "jobs.d/My Job.yaml")
    assert result.unreadable
    assert "My Job" in result.problems[0].message


@settings(max_examples=60)
@given(st.data())
def test_a_mangled_manifest_never_breaks_the_reader(data: st.DataObject) -> None:
    text = (
        Path(__file__).parents[3] / "jobs.d" / "queues.yaml"
    ).read_text() + "\njobs:\n  - {id: a, run: x}\n"
    cut = data.draw(st.integers(0, len(text)))
    junk = data.draw(st.text(max_size=10))
    result = READER.read(
        "jobs.d/x.yaml", (text[:cut] + junk + text[cut + 3 :]).encode("utf-8", "surrogatepass")
    )
    assert result.entries or result.problems


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda x: (
            st.lists(x)
            | st.dictionaries(
                st.sampled_from(["id", "run", "jobs", "env", "schedule", "timeout", "defaults", "retries"]), x
            )
        ),
    )
)
def test_any_value_in_any_place_is_answered_with_problems(value: Any) -> None:
    result = READER.read("jobs.d/x.yaml", json.dumps(value).encode())
    assert (
        result.broken
        or result.entries
        or result.problems
        or value in ({"jobs": []}, {"defaults": None}, {"defaults": {}})
    )
