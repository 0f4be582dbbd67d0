"""Manifests that are wrong in one way each, and the line where: what newcomers and tired people write.

Take it for what is said of all of them alike, such as that each problem has a hint.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from jeeves_runner.schemas_text import manifest_schema

SOUND: Final = 'id: nightly\nschedule: "0 3 * * *"\ntimeout: 1h\nrun: echo hello\n'
"""A job that is right, line by line."""

_VALUES: Final = (
    "12",
    "-1",
    "1.5",
    "true",
    "null",
    "''",
    "banana",
    "'0'",
    "[]",
    "[banana, 5]",
    "{}",
    "{a: 1}",
)
"""Values of all kinds, of which most keys take few."""


class Wrong(NamedTuple):
    """A wrong manifest."""

    name: str
    """What is wrong with it."""
    text: str
    """The whole file."""
    line: int
    """The line where it is wrong, from 1."""


def wrong_manifests() -> Iterator[Wrong]:
    """All of them. Some values fit their key: of these nothing is said."""
    parts = manifest_schema()["$defs"]
    for key, part in parts["job"]["properties"].items():
        yield from _values(_with(SOUND, key), key, part, within=False)
        yield _typo(key)
        yield _twice(key)
    for kind, sound in _OTHERS.items():
        for key, part in parts[kind]["properties"].items():
            yield from _values(_with(sound, key), key, part, within=True)
    yield from (Wrong(text, text, line) for text, line in _WRITTEN.items())


def _with(sound: str, key: str) -> str:
    """The sound manifest without the key."""
    return "".join(line + "\n" for line in sound.splitlines() if line.lstrip(" -").partition(":")[0] != key)


_OTHERS: Final = {
    "queue": "queues:\n  - id: mail\n    description: Mail.\n",
    "node": "nodes:\n  - id: files\n    kind: datastore\n    description: Files.\n",
}


def _values(base: str, key: str, part: Mapping[str, Any], *, within: bool) -> Iterator[Wrong]:
    indent = "    " if within else ""
    if within and key == "id":
        head, _, rest = base.partition("\n")
        for value in _VALUES:
            yield Wrong(f"{key}: {value}", f"{head}\n  - id: {value}\n{rest}", 2)
        return
    line = base.count("\n") + 1
    for value in _VALUES:
        yield Wrong(f"{key}: {value}", f"{base}{indent}{key}: {value}\n", line)
    for inner in part.get("properties", {}):
        for value in _VALUES:
            yield Wrong(f"{key}.{inner}: {value}", f"{base}{indent}{key}: {{{inner}: {value}}}\n", line)
        yield Wrong(f"{key}.{inner}x", f"{base}{indent}{key}: {{{inner}x: 1}}\n", line)


def _typo(key: str) -> Wrong:
    """A letter too few."""
    return Wrong(f"typo of {key}", f"{SOUND}{key[:2] + key[3:]}: 1\n", 5)


def _twice(key: str) -> Wrong:
    base = _with(SOUND, key)
    return Wrong(f"{key} twice", f"{base}{key}: a\n{key}: b\n", base.count("\n") + 2)


_WRITTEN: Final[Mapping[str, int]] = {
    "id: a\n\trun: x\n": 2,
    "id:a\nrun: x\n": 2,
    'id: a\nrun: "echo\n': 2,
    "id: a\ntags: [a, b\nrun: x\n": 3,
    "id: a\nrun: x\n---\nid: b\nrun: y\n": 3,
    "id: a\nrun: *x\n": 2,
    "id: a\nschedule: * * * * *\nrun: x\n": 2,
    "id: a\nrun: %x\n": 2,
    "id: a\nschedule: @daily\nrun: x\n": 2,
    "id: a\nrun: echo a: b\n": 2,
    "id: a\n  run: x\n": 2,
    "jobs:\n  - id: a\n    run: x\n   timeout: 1h\n": 4,
    "id: a\nrun: x\nrun: y\n": 3,
    'id: a\nrun: "x\\0"\n': 2,
    "id: a\nrun: \x01\n": 2,
    "- id: a\n  run: x\n": 1,
    "hello\n": 1,
    "": 1,
    "# x\n": 1,
    "jobs:\n  a:\n    run: x\n": 2,
    "jobs:\n": 1,
    "jobs: a\n": 1,
    "jobs:\n  - run: x\n": 2,
    "id: a\nschedule: '@daily'\n": 1,
    "id: a\nrun: x\ncommand: [y]\n": 3,
    "id: a\nschedule: '0 25 * * *'\nrun: x\n": 2,
    "id: a\nschedule: '0 3 * *'\nrun: x\n": 2,
    "id: a\nschedule: '@reboot'\nrun: x\n": 2,
    "id: a\nschedule: '0 0 30 2 *'\nrun: x\n": 2,
    "id: a\nschedule: 'every day'\nrun: x\n": 2,
    "id: a\nschedule: '0 0 1 foo *'\nrun: x\n": 2,
    "id: a\nschedule: '*/0 * * * *'\nrun: x\n": 2,
    "id: a\nschedule: '30-10 * * * *'\nrun: x\n": 2,
    "id: a\nschedule: ''\nrun: x\n": 2,
    "id: a\nschedule: {every: 5}\nrun: x\n": 2,
    "id: a\nschedule: {every: 0s}\nrun: x\n": 2,
    "id: a\nschedule: {at: tomorrow}\nrun: x\n": 2,
    "id: a\nschedule: {rrule: 'FREQ=NEVER', start: 2026-01-01T00:00}\nrun: x\n": 2,
    "id: a\nschedule: {rrule: 'BYDAY=MO', start: 2026-01-01T00:00}\nrun: x\n": 2,
    "id: a\nschedule: {every: 5m, at: 2026-12-24T18:00}\nrun: x\n": 2,
    "id: a\nschedule: '@daily'\ntimezone: Europe/Viena\nrun: x\n": 3,
    "id: a\nschedule: '@daily'\ntimezone: CEST\nrun: x\n": 3,
    "id: a\nschedule: '@daily'\nexclude: [christmas]\nrun: x\n": 3,
    "id: a\nschedule: '@daily'\nexclude: ['2026-12-24..2026-12-01']\nrun: x\n": 3,
    "id: a\nschedule: '@daily'\nexclude: ['* * * * *']\nrun: x\n": 3,
    "id: a\nrun: x\ntimeout: 5m1h\n": 3,
    "id: a\nrun: x\ntimeout: 99999d\n": 3,
    "id: a\nrun: x\ntimeout: 0s\n": 3,
    "id: a\nrun: x\npool: nowhere\n": 3,
    "id: a\nrun: x\nlimit: 3\n": 3,
    "id: a\nrun: x\nbackoff: exponential\n": 3,
    "id: a\nrun: x\nretries: {limit: 3, timeout: 5m}\n": 3,
    "id: a\nrun: x\nTimeout: 5m\n": 3,
    "id: a\nrun: x\noverlap-policy: skip\n": 3,
    "id: a\nrun: x\noverlapPolicy: skip\n": 3,
    "id: a\nrun: x\nlease: 5m\n": 3,
    "queues:\n  - id: q\n    schedule: '@daily'\n": 3,
    "id: a\nrun: x\nexit_codes: {ok: [1], skip: [1]}\n": 3,
    "id: a\nrun: x\nretries: {limit: 1, delay: 10m, max_delay: 1m}\n": 3,
    "id: a\nrun: x\nenv: {JR_X: a}\n": 3,
    "id: a\nrun: x\nenv: {A-B: a}\n": 3,
    "id: a\nrun: x\nenv: {A: {secret: a}}\n": 3,
    "id: a\nrun: x\nenv: {A: {file: a, from_env: B}}\n": 3,
    "id: a\nrun: x\nenv: {A: 5}\n": 3,
    "id: a\nrun: x\nenv: {A: true}\n": 3,
    "id: a\nrun: x\nenv: {A: null}\n": 3,
    "id: a\nrun: x\nneeds: a\n": 3,
    "id: a\nrun: x\nafter: a\n": 3,
    "id: a\nrun: x\nneeds: [b, b]\n": 3,
    "id: a\nrun: x\nalert: {remind: 5s}\n": 3,
    "id: a\nrun: x\non_failure: me@x.org\n": 3,
    "id: a\nrun: x\non_failure: '#ops'\n": 3,
    "id: a\nrun: x\non_failure: webhook:nigth\n": 3,
    "id: a\nrun: x\nheartbeat: ftp://x\n": 3,
    "id: a\nrun: x\nheartbeat: https://a:b@x.org/\n": 3,
    "id: a\nrun: x\nparams: {d: {pattern: '['}}\n": 3,
    "id: a\nrun: x\nparams: {d: {type: integer, default: x}}\n": 3,
    "id: a\nrun: x\nparams: {d: {enum: [a, b], default: c}}\n": 3,
    "id: a\nrun: x\nparams: {d: {type: int}}\n": 3,
    "id: a\nrun: x\nparams: {'a b': {}}\n": 3,
    "id: a\nrun: x\nparams: {d: {secret: true, default: x}}\n": 3,
    "id: a\nschedule: '@daily'\nrun: x\nparams: {d: {required: true}}\n": 4,
    "id: a\nrun: x\nparams: {a-b: {}, a_b: {}}\n": 3,
    "id: a\ntype: session\n": 1,
    "id: a\ntype: session\nrun: x\n": 3,
    "id: a\nprompt: x\n": 2,
    "id: a\nrun: x\nsession: {thinking: low}\n": 3,
    "id: a\ntype: session\nprompt: '{{ nope'\n": 3,
    "id: a\nrun: x\nexpect: {finish_within: 0s}\n": 3,
    "id: a\nrun: x\nexpect: {finish_by: '25:00'}\n": 3,
    "id: a\nrun: x\nexpect: {finish_by: 8:00}\n": 3,
    "id: a\nrun: x\non_queue: {queue: mail, batch: 0}\n": 3,
    "id: a\nrun: x\non_change: ''\n": 3,
    "id: a\nrun: x\nreads: ['mail']\n": 3,
    "id: a\nrun: x\nreads: ['db:mail']\n": 3,
    "id: Backup\nrun: x\n": 1,
    "id: 'a b'\nrun: x\n": 1,
    "id: 5\nrun: x\n": 1,
    "id: [a]\nrun: x\n": 1,
    "id: a\nrenamed_from: a\nrun: x\n": 2,
    "jobs: []\nschedule: '@daily'\n": 2,
    "job:\n  - id: a\n    run: x\n": 1,
    "jobs:\n  - id: a\n    run: x\nrun: y\n": 4,
    "defaults: {timeout: 1h}\n": 1,
    "defaults: {id: a}\njobs: []\n": 1,
    "defaults: {timeout: 5}\njobs: []\n": 1,
    "defaults: [a]\njobs: []\n": 1,
    "nodes:\n  - {id: a, kind: table}\n": 2,
    "nodes:\n  - {id: a, kind: auth, expires: '2026-02-31'}\n": 2,
    "queues:\n  - {id: q, dedup: {key: id}}\n": 2,
    "queues:\n  - {id: q, lease: 0s}\n": 2,
    "queues:\n  - {id: q, payload_schema: {type: strin}}\n": 2,
    "id: a\ncmd: x\n": 2,
    "id: a\nrun: x\ncron: x\n": 3,
    "id: a\nrun: x\nuser: x\n": 3,
    "id: a\nrun: x\nexecutor: ray\n": 3,
    "id: a\nrun: !!python/object x\n": 2,
    "id: a\n<<: {run: x}\n": 2,
    "id: a\nrun: x\n5: y\n": 3,
    "id: a\nrun: x\ntrue: y\n": 3,
    "id: a\nrun: x\npriority: .nan\n": 3,
    "id: a\nrun: x\npriority: 0777\n": 3,
    "id: a\nrun: x\npriority: 99999999999999999999999999\n": 3,
    "id: a\nrun: x\nenabled: yes\n": 3,
    "id: a\nrun:\n  - echo a\n  - echo b\n": 3,
    "id: a\ncommand: echo hi\n": 2,
    "id: a\ncommand: [sleep, 5]\n": 2,
    "id: a\ncommand: []\n": 2,
    "id: a\nrun: x\ntags: a, b\n": 3,
    "id: a\nrun: x\nargs: --v\n": 3,
    "id: a\nrun: x\nretries: 3\n": 3,
    "id: a\nrun: x\nkeep: 30d\n": 3,
    "id: a\nrun: x\nprecheck: test -s a\n": 3,
    "id: a\r\nrun: x\r\ntimout: 1h\r\n": 3,
}
"""What people write by mistake, and the line where it is."""
