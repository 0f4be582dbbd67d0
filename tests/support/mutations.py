"""Manifests that no person would write: right ones whose parts were exchanged, repeated, cut and spoilt.

Each comes from a number, so that one that does harm can be made again: ``mutated(7)``.
"""

from collections.abc import Callable, Sequence
from random import Random

RIGHT = (
    """\
# a comment
schedule: ["30 2 * * *", "H/15 9-17 * * mon-fri"]
timezone: Europe/Vienna
command: [rsync, -a, /srv/data/, "/mnt/back up/"]
timeout: 2h
retries: {limit: 3, delay: 1m, backoff: exponential, on: [error, timeout], on_exit_codes: [1, 75]}
exclude: ["2026-12-24..2027-01-06", "* * 1 5 *", "2026-05-01"]
""",
    """\
defaults:
  timezone: Europe/Vienna
  timeout: 5m
  env: &common {LANG: C.UTF-8, TOKEN: {file: secrets/token}}
  retries: {limit: 2}
jobs:
  - id: fetch
    schedule: "*/10 7-19 * * mon-fri"
    run: |
      set -e
      echo "fetching: é 😀"
    tags: [a, 'b', "c\\td"]
    overlap_policy: queue
  - id: purge
    env: *common
    schedule: "@weekly"
    script: /bin/true
    args: [--keep, "7"]
    keep: {runs: 100, days: 30d}
    pool: db
    priority: -5
    enabled: false
    on_start: true
queues:
  - id: mail
    dedup: {key: "$.message.ids[0]", scope: all}
    max_attempts: 5
    backoff: {delay: 5s, factor: 1.5, max_delay: 1h}
    retention: {completed: 7d, failed: 30d}
""",
    """\
id: report
name: >-
  A report
  of many words
description: "quoted \\"twice\\""
run: echo
schedule: "0 0 L,15 */2 5L"
catch_up: all
catch_up_window: 1h30m
kill_grace: 500ms
cwd: /tmp
reads: [datastore:orders]
writes: [sink:mail]
""",
    """\
type: session
schedule: "*/30 7-19 * * mon-fri"
prompt: |
  Look since {{ run.scheduled_for | default("now") }} at {{ params.city | upper }}.
  {% if params.n > 3 %}many{% elif params.n == 1 %}one{% else %}{{ params["n"] }}{% endif %}
  {# a note #}{% raw %}{{ x }}{% endraw %} {{ params.city | replace("a", "b") | tojson }}
timeout: 10m
session: {thinking: low, label: nightly, model: fake/x, max_tokens: 200000, expect_result: '^ok[a-z]*$'}
params:
  city: {enum: [Vienna, Graz], default: Vienna, description: where}
  n: {type: integer, default: 4}
  share: {type: number, default: 0.5}
  all: {type: boolean, default: false}
  token: {secret: true, pattern: '[a-z]{3,}'}
precheck: {run: "exit 10"}
""",
    """\
defaults:
  session: {thinking: low, max_tokens_per_day: 5000000}
  params: {a: {default: x}}
  precheck: {command: [test, -e, x]}
  exit_codes: {ok: [1], skip: [78]}
jobs:
  - id: one
    type: session
    prompt_file: prompts/one.md
    session: {expect_result: json, agent_id: ops}
  - id: two
    run: echo
    params: {b: {required: true}}
    exit_codes: {ok: [2, 3], skip: [10]}
    retries: {limit: 2, on_exit_codes: [4]}
  - id: three
    type: session
    prompt: "{{ params.a }}"
""",
)

VALUES: Sequence[str] = (
    *"null ~ true yes on NO {} [] 1.10 1e3 0x1F 0o17 012 +1 .5 5. -0 1_000 12:30 .nan 1e999 60 é 😀".split(),  # noqa: SIM905
    *"99999999999999999999 2026-12-25 9999-12-31 0001-01-01 2026-02-30 1h30m 5m10h 0s 99999999999d".split(),  # noqa: SIM905
    *"H H(0-29)/10 5L fri#5 7/1 '*/0' '@hourly' Europe/Berln ../.. /dev/null all skip allow fixed".split(),  # noqa: SIM905
    *(
        "{a: b}",
        "[a, 5]",
        "",
        "0 0 31 2 *",
        "'* * * * * *'",
        "0 0 29 2 1#5",
        "5-3 * * * *",
        "session",
        "$.id",
    ),
    *(
        "'0-59/1,0-59/2 * * * *'",
        '"\\x00"',
        '"\\U0001F600"',
        "datastore:x",
        "x" * 300,
        "9" * 18,
        "{type: integer, default: 1.5}",
        "[[1], {a: [true]}]",
        "'{{ params.x }}'",
        "'{% for a in b %}{% endfor %}'",
        "'{{ 9**9**9 }}'",
        "'(a+)+$'",
        "'((a{1,30}){1,30}){1,30}'",
        "0." + "0" * 300,
    ),
)
"""What may stand for one value; some are right in some places."""

FRAGMENTS: Sequence[str] = (
    *VALUES,
    *("&a ", "*a", "*common", "<<: *common", "!!str ", "!!python/object:os.system ", "? ", ": ", "- "),
    *("---\n", "...\n", "%YAML 1.1\n", "|\n", ">+\n", "\t", "\r\n", "\n\n", "  ", "#", " #", "'", '"'),
    *("`", "@", "%", "|", "{", "}", "[", "]", ",", "[[[[[[", "]]]]]]", "\\ud800", "\ufeff", "\u2028", "\x85"),
    *("id: ", "jobs:\n", "queues:\n", "defaults:\n", "nodes: []\n", "schedule: ", "env: ", "run: ", "\x00"),
    *("timeout: ", "retries: ", "exclude: ", "dedup: ", "priority: ", "unknown_key: ", "JR_X: y", "\x7f"),
    *("type: session\n", "prompt: ", "params: ", "session: ", "precheck: "),
    *("{{", "}}", "{%", "%}", "{#", " | "),
    *("script: ", "1," * 150, "- " * 70, "a: " * 30, "'" * 9),
)

Mutation = Callable[[Random, str], str]


def mutated(number: int) -> bytes:
    """One manifest; every number has its own."""
    random = Random(number)
    text = random.choice(RIGHT)
    kinds = (_exchange_value,) if number % 2 else _MUTATIONS  # else most were no YAML
    for _ in range(random.choice((1, 1, 2, 3, 5, 9))):
        text = random.choice(kinds)(random, text)
    data = text.encode("utf-8", "surrogatepass")
    if number % 4 == 0:
        for _ in range(random.choice((1, 2, 8))):
            place = random.randrange(len(data) + 1)
            data = (
                data[:place]
                + random.choice((b"", random.randbytes(1), random.randbytes(4)))
                + data[place + 1 :]
            )
    return data


def _piece(random: Random, text: str) -> tuple[int, int]:
    """Where a word, a line or some lines begin and end."""
    begin = random.randrange(len(text) + 1)
    kind = random.randrange(3)
    if kind == 0:
        return begin, min(len(text), begin + random.choice((1, 2, 8, 40)))
    start = text.rfind("\n", 0, begin) + 1
    end = start
    for _ in range(1 if kind == 1 else random.randint(2, 6)):
        end = text.find("\n", end) + 1 or len(text)
    return start, end


def _insert(random: Random, text: str) -> str:
    place = random.randrange(len(text) + 1)
    return text[:place] + random.choice(FRAGMENTS) + text[place:]


def _exchange(random: Random, text: str) -> str:
    begin, end = _piece(random, text)
    return text[:begin] + random.choice(FRAGMENTS) + text[end:]


def _exchange_value(random: Random, text: str) -> str:
    """The value after some colon, or an item of some list."""
    places = [n for n in range(len(text) - 1) if text[n : n + 2] in (": ", ", ", "- ")]
    if not places:
        return text
    begin = random.choice(places) + 2
    ends = [n for n in range(begin, min(len(text), begin + 60)) if text[n] in ",]}\n"]
    return text[:begin] + random.choice(VALUES) + text[ends[0] if ends else begin :]


def _cut(random: Random, text: str) -> str:
    begin, end = _piece(random, text)
    return text[:begin] + text[end:]


def _repeat(random: Random, text: str) -> str:
    begin, end = _piece(random, text)
    return text[:end] + text[begin:end] * random.choice((1, 2, 30)) + text[end:]


def _move(random: Random, text: str) -> str:
    begin, end = _piece(random, text)
    rest = text[:begin] + text[end:]
    place = random.randrange(len(rest) + 1)
    return rest[:place] + text[begin:end] + rest[place:]


def _mix(random: Random, text: str) -> str:
    other = random.choice(RIGHT)
    return text[: random.randrange(len(text) + 1)] + other[random.randrange(len(other)) :]


def _indent(random: Random, text: str) -> str:
    lines = text.split("\n")
    for n in range(random.randrange(len(lines)), len(lines)):
        lines[n] = "  " + lines[n] if random.random() < 0.9 else lines[n].lstrip(" ")
    return "\n".join(lines)


_MUTATIONS: Sequence[Mutation] = (
    *(_insert, _exchange, _exchange_value, _cut, _repeat, _move, _mix, _indent),
)
