"""What a file may come to: nothing in it multiplies without a bound.

The files here are those that took hours or gigabytes, or are among the worst that pass.
"""

import resource
from collections.abc import Callable
from time import process_time

import pytest
from support.manifests import READER, error_of, read

from jeeves_runner.core.manifest.budget import MAX_SIZE
from jeeves_runner.core.manifest.file_result import FileResult

pytestmark = pytest.mark.service

LONG = "x" * 100_000


def many(count: int, item: Callable[[int], str], separator: str = "") -> str:
    return separator.join(map(item, range(count)))


def jobs(count: int, rest: Callable[[int], str]) -> str:
    return "jobs:\n" + many(count, lambda n: f"- {{id: a{n}, timeout: 1m, {rest(n)}}}\n")


def read_soon(text: str) -> FileResult:
    """The result; reading takes neither 200 MB nor longer than a busy machine needs for two seconds."""
    assert len(text.encode()) <= MAX_SIZE
    begin, before = process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = READER.read("jobs.d/large.yaml", text.encode())
    assert process_time() - begin < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024
    return result


def seldom(n: int) -> str:
    return f"0 0 */31 {n % 12 + 1},{n // 12 % 12 + 1},{n // 144 % 12 + 1},{n // 1728 % 12 + 1} {n % 7},1#5"


def nearly_all(k: int) -> str:
    return f"'{k % 60} {k * 7 % 60} {k % 24} {k % 28 + 1},{k * 3 % 28 + 1} {k % 12 + 1} {k % 7}'"


def wide(n: int) -> str:
    return " ".join([many(40, lambda k: f"1-{(n + k) % 6 + 1}/2", ",")] * 5)


BY_ALIASES = "aliases expand the file to more than"
BY_DEFAULTS = "with its defaults for each job the file comes to more than"

TOO_MUCH = {
    "a text used often": (
        jobs(1, lambda _: f"run: &a '{LONG}'") + many(300, lambda n: f"- {{id: b{n}, run: *a}}\n"),
        f"{BY_ALIASES} 4,000,000 characters",
    ),
    "a list of one text": (
        f"run: &a '{LONG}'\nargs: [{many(9000, lambda _: '*a', ',')}]\n",
        f"{BY_ALIASES} 4,000,000 characters",
    ),
    "jobs of one text": (
        f"jobs:\n- &a {{id: a, run: '{LONG}'}}\n" + many(300, lambda _: "- *a\n"),
        f"{BY_ALIASES} 4,000,000 characters",
    ),
    "lists of lists": (
        "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        + many(5, lambda n: f"{'bcdef'[n]}: &{'bcdef'[n]} [{many(10, lambda _: '*' + 'abcde'[n], ',')}]\n"),
        f"{BY_ALIASES} 200,000 values and keys",
    ),
    "long defaults": (
        f"defaults: {{timeout: 1m, description: '{LONG}'}}\n" + jobs(2000, lambda _: "run: x"),
        f"{BY_DEFAULTS} 4,000,000 characters",
    ),
    "defaults of many values": (
        f"defaults: {{args: [{many(500, lambda _: 'a', ',')}]}}\n" + jobs(2000, lambda _: "run: 5"),
        f"{BY_DEFAULTS} 200,000 values and keys",
    ),
    "values": (f"run: x\nargs: [{many(250_000, lambda _: 'a', ',')}]\n", "200,000 values and keys"),
    "jobs": (
        "jobs:\n" + many(20_001, lambda n: f"- {{id: a{n}, run: x}}\n"),
        "20,000 jobs, queues and nodes",
    ),
    "days that are looked for": (jobs(9000, lambda n: f"run: x, schedule: {seldom(n)!r}"), "seldom occur"),
    "what is excluded": (
        jobs(30, lambda n: f"run: x, schedule: '{n} * * * * *', exclude: ['* * * * *', "
        + many(399, nearly_all, ",") + "]"),
        "seldom occur",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), TOO_MUCH.values(), ids=TOO_MUCH.keys())
def test_a_file_that_comes_to_too_much_is_refused_as_a_whole(text: str, message: str) -> None:
    result = read_soon(text)
    problem = next(problem for problem in result.problems if problem.code in ("too_much", "aliases"))
    assert message in problem.message
    assert "split" in (problem.hint or "")
    assert (problem.line, problem.column) > (1, 1)
    assert (result.broken, result.entries) == (True, ())


WORST = {
    "one wrong value of many": f"run: x\nargs: [{many(199_980, lambda _: 'a', ',')},5]\n",
    "many wrong values": f"run: x\nargs: [{many(199_980, lambda _: '[]', ',')}]\n",
    "whole numbers with points": jobs(16_000, lambda n: "run: x, priority: 1.0"),
    "unknown zones": jobs(7000, lambda n: f"run: x, timezone: America/Argentina/ComodRivadavia{n}/Americana"),
    "unknown keys": "run: x\n" + many(90_000, lambda n: f"k{n}: x\n"),
    "an unknown word": f"run: x\noverlap_policy: {'x' * 1_000_000}\n",
    "wide fields": jobs(800, lambda n: f"run: x, schedule: '{wide(n)}'"),
    "exclusions": jobs(
        5000, lambda n: f"run: x, schedule: '{n % 60} {n // 60 % 24} * * *', exclude: ['* * 1 1 *']"
    ),
    "dates of many years": jobs(
        9000, lambda n: "run: x, schedule: '0 1 1 1 *', exclude: [0010-01-01, 9989-01-01]"
    ),
}


@pytest.mark.parametrize("text", WORST.values(), ids=WORST.keys())
def test_the_worst_that_passes_is_read_soon(text: str) -> None:
    result = read_soon(text)
    assert not {"too_much", "aliases", "too_large"} & {problem.code for problem in result.problems}
    assert len(result.problems) <= 202


def test_defaults_of_folders_count_as_well() -> None:
    layer, _ = READER.read_defaults(
        "jobs.d/_defaults.yaml", f"defaults: {{description: '{LONG}'}}\n".encode()
    )
    assert layer is not None
    text = "jobs:\n" + many(39, lambda n: f"- {{id: a{n}, run: x}}\n")
    assert len(READER.read("jobs.d/a.yaml", text.encode(), [layer]).entries) == 39
    result = READER.read("jobs.d/a.yaml", (text + "- {id: b, run: x}\n").encode(), [layer])
    assert (result.entries, result.problems[-1].line) == ((), 41)
    assert BY_DEFAULTS in result.problems[-1].message


def test_aliases_and_defaults_in_reason_are_welcome() -> None:
    text = "defaults: {env: &e {A: b}, timeout: 1m}\njobs:\n" + many(
        2000, lambda n: f"- {{id: a{n}, run: x, env: *e}}\n"
    )
    assert (len(read(text).entries), read(text).problems) == (2000, ())


def test_a_schedule_has_as_many_entries_as_are_looked_at_soon() -> None:
    most = f"run: x\ntimeout: 1m\nschedule: [{many(100, lambda n: repr(f'{n % 60} 5 * * *'), ', ')}]\n"
    assert read(most).problems == ()
    line, column, message, hint = error_of(most.replace("]", ", '@daily']"))
    assert (line, message) == (3, "`schedule` has 101 entries, where 100 are allowed")
    assert column == len(most.splitlines()[2]) + 2
    assert "one field can hold a list" in hint
    _, _, message, _ = error_of(f"run: x\nexclude: [{many(401, lambda n: '2026-01-01', ', ')}]\n")
    assert message == "`exclude` has 401 entries, where 400 are allowed"
