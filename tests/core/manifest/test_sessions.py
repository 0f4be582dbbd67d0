"""Jobs of type session, as manifests declare them."""

import pytest
from support.manifests import assert_error, error_of, job

from jeeves_runner.core.manifest.context import ProjectContext
from jeeves_runner.core.manifest.reader import ManifestReader
from jeeves_runner.core.model import JobType, SourceType
from jeeves_runner.core.session_spec import Session
from jeeves_runner.schemas_text import manifest_schema

WITHOUT_GATEWAY = ManifestReader(manifest_schema(), ProjectContext(project_root="/p"))


def test_a_session_has_its_prompt_in_the_manifest_or_in_a_file() -> None:
    spec = job("type: session\nprompt: Sort the inbox.\n")
    assert (spec.type, spec.source_type, spec.script) == (
        JobType.SESSION,
        SourceType.PROMPT,
        "Sort the inbox.",
    )
    assert spec.session is None
    spec = job("type: session\nprompt_file: prompts/../inbox.md\n")
    assert (spec.source_type, spec.script) == (SourceType.PROMPT_FILE, "/p/inbox.md")


def test_a_session_says_how_it_is_carried_out() -> None:
    text = (
        "session: {thinking: low, label: inbox, model: anthropic/claude, agent_id: mail, max_tokens: 10,"
        " max_tokens_per_day: 20, expect_result: '^done'}\n"
    )
    spec = job(f"type: session\nprompt: x\n{text}")
    assert spec.session == Session(
        thinking="low",
        label="inbox",
        model="anthropic/claude",
        agent_id="mail",
        max_tokens=10,
        max_tokens_per_day=20,
        expect_result="^done",
    )


def test_defaults_hold_for_jobs_of_all_types_each_takes_what_fits_it() -> None:
    defaults = {
        "args": ["a"],
        "env": {"A": "1"},
        "cwd": "/tmp",
        "session": {"thinking": "low", "label": "mail"},
        "retries": {"limit": 2, "on_exit_codes": [1]},
    }
    session = job("type: session\nprompt: x\nsession: {thinking: high}\n", defaults)
    assert session.session == Session(thinking="high", label="mail")
    assert (session.args, session.env, session.cwd) == ((), (), "/p")
    assert session.retries is not None
    assert (session.retries.limit, session.retries.on_exit_codes) == (2, None)
    script = job("run: x\n", defaults)
    assert script.session is None
    assert (script.args, script.env, script.cwd) == (("a",), (("A", "1"),), "/tmp")


def test_defaults_may_say_the_type_and_no_prompt() -> None:
    assert job("prompt: x\n", {"type": "session"}).type is JobType.SESSION
    assert "defaults may not set `prompt`" in error_of("defaults: {prompt: x}\njobs: []\n")[2]


SESSION = "type: session\nprompt: x\n"


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"),
    [
        ("type: session\n", 1, 1, "needs one of `prompt`, `prompt_file`", "`prompt: Sort the inbox.`"),
        ("prompt: x\n", 1, 1, "`prompt` is for jobs of type session", "add `type: session`"),
        ("prompt_file: x\n", 1, 1, "`prompt_file` is for jobs of type session", "add `type: session`"),
        (
            "type: session\nprompt: x\nprompt_file: y\n",
            3,
            1,
            "`prompt` and `prompt_file` stand together, where exactly one of `prompt`, `prompt_file`",
            "take one of them out",
        ),
        ("type: session\nrun: x\n", 2, 1, "`run` is for jobs of type script", "`prompt_file`"),
        ("type: session\nscript: x\n", 2, 1, "`script` is for jobs of type script", "`prompt_file`"),
        ("type: session\ncommand: [x]\n", 2, 1, "`command` is for jobs of type script", "`prompt_file`"),
        (f"{SESSION}run: x\n", 3, 1, "`prompt` and `run` stand together", "take one of them out"),
        (f"{SESSION}exit_codes: {{ok: [1]}}\n", 3, 1, "`exit_codes` is for jobs of type script", "exit code"),
        (f"{SESSION}args: [a]\n", 3, 1, "`args` is for jobs of type script", "in its prompt"),
        (f"{SESSION}env: {{A: b}}\n", 3, 1, "`env` is for programs", "its gateway gives it"),
        (f"{SESSION}cwd: x\n", 3, 1, "`cwd` is for programs", "its gateway gives it"),
        (
            f"{SESSION}retries: {{limit: 1, on_exit_codes: [1]}}\n",
            3,
            21,
            "a session ends without an exit code",
            "take it out",
        ),
        ("run: x\nsession: {thinking: low}\n", 2, 1, "`session` is for jobs of type session", ""),
        ("type: session\nprompt: ' '\n", 2, 9, "`prompt` is blank", ""),
        ('type: session\nprompt: "a\\0b"\n', 2, 9, "`prompt` holds a NUL character", "remove"),
        ('type: session\nprompt_file: "a\\0b"\n', 2, 14, "`prompt_file` holds a NUL character", "remove"),
        (f"type: session\nprompt: {'x' * 262_145}\n", 2, 9, "has 262,145 bytes", "fetch"),
        (f"type: session\nprompt: {'ö' * 131_073}\n", 2, 9, "has 262,146 bytes", "fetch"),
        (f"{SESSION}session: {{thinking: lots}}\n", 3, 21, "must be one of off, minimal", ""),
        (f"{SESSION}session: {{thinking: Low}}\n", 3, 21, "must be one of off", "did you mean low?"),
        (f"{SESSION}session: {{thinking: off, colour: red}}\n", 3, 26, "unknown key `colour`", ""),
        (f"{SESSION}session: {{agent_id: Mail}}\n", 3, 21, "`session.agent_id` must be lower-case", ""),
        (f"{SESSION}session: {{model: 'a b'}}\n", 3, 18, "`session.model` must be a model's name", ""),
        (f"{SESSION}session: {{label: 'a b'}}\n", 3, 18, "`session.label` must be letters", ""),
        (f"{SESSION}session: {{max_tokens: 0}}\n", 3, 23, "a whole number from 1", ""),
        (f"{SESSION}session: {{max_tokens: 1e3}}\n", 3, 23, "a whole number from 1", ": 1000"),
        (f"{SESSION}session: {{max_tokens_per_day: -1}}\n", 3, 31, "a whole number from 1", ""),
        (f"{SESSION}session: {{expect_result: '('}}\n", 3, 26, "is no regular expression: missing )", "json"),
        (f"{SESSION}session: {{expect_result: '(?=a)'}}\n", 3, 26, "without look-around", "RE2"),
        (f"{SESSION}session: low\n", 3, 10, "`session` must be a mapping", ""),
    ],
)  # fmt: skip
def test_mistakes_say_where_what_and_how_to_mend_them(
    text: str, line: int, column: int, message: str, hint: str
) -> None:
    assert_error(text, line, column, message, hint)


def test_a_prompt_may_have_256_kib() -> None:
    assert len(job(f"type: session\nprompt: {'x' * 262_144}\n").script) == 262_144


@pytest.mark.parametrize("text", ["prompt: x\n", "prompt_file: x\n"])
def test_without_a_gateway_the_key_to_add_is_named(text: str) -> None:
    result = WITHOUT_GATEWAY.read("jobs.d/a.yaml", f"type: session\ntimeout: 1m\n{text}".encode())
    (problem,) = result.problems
    assert (problem.code, problem.line, problem.column) == ("no_gateway", 1, 7)
    assert "add `gateway: {url:" in (problem.hint or "")
    assert result.invalid == {("job", "a")}


BLOCK = """\
jobs:
  - id: a
    type: session
    prompt: |

      Hello {{ params.name }},
        do {{ parms.what }} now.
"""


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        (BLOCK, 7, 15, "`prompt`, line 3: unknown name `parms`"),
        (BLOCK.replace("|", "&text |-"), 7, 15, "`prompt`, line 3: unknown name `parms`"),
        (BLOCK.replace("|", ">"), 4, 13, "unknown name `parms`"),
        ("type: session\nprompt: do {{ parms.what }} now\n", 2, 15, "`prompt`: unknown name `parms`"),
        ("type: session\nprompt: 'do {{ parms.what }} now'\n", 2, 16, "`prompt`: unknown name `parms`"),
        ('type: session\nprompt: "\\tdo {{ parms.what }} now"\n', 2, 9, "`prompt`: unknown name `parms`"),
        (
            "type: session\nprompt: 'a {{ b'\n",
            2,
            12,
            "`prompt`: it is no template: a {{ has no }} that fits it",
        ),
        ("type: session\nprompt: 'a {% for x in y %}'\n", 2, 12, "it is no template: "),
    ],
)
def test_a_mistake_in_a_prompt_has_its_place(text: str, line: int, column: int, message: str) -> None:
    assert_error(text, line, column, message)


PARAMS = "params: {city: {default: Vienna}, token: {secret: true}}\n"


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("params.where", "the job declares no parameter `where`", "city, token"),
        ("params.citty", "the job declares no parameter `citty`", "did you mean city?"),
        ("params.token", "`token` is secret, and a gateway keeps and shows", "without `secret`"),
        ('params["token"]', "`token` is secret", ""),
        ("run.when", "unknown name `run.when`", "scheduled_for"),
        ("job.nam", "unknown name `job.nam`", "did you mean job.name?"),
        (
            "run.scheduled_for",
            "has no value in a run that is not by a schedule",
            "run.scheduled_for | default",
        ),
        ("params.city | shout", "unknown filter `shout`", "default"),
    ],
)
def test_what_no_run_can_fill_in_is_a_mistake(name: str, message: str, hint: str) -> None:
    text = f"type: session\n{PARAMS}prompt: 'Look at {{{{ {name} }}}}'\n"
    found = error_of(text)
    assert message in found[2]
    assert hint in found[3]


def test_declared_parameters_and_what_a_run_has_can_be_named() -> None:
    names = (
        "{{ params.city }} {{ job.id }} {{ job.name }} {{ run.id }} {{ run.scheduled_for }} {{ run.trigger }}"
    )
    text = f"type: session\nschedule: '@daily'\n{PARAMS}prompt: '{names} {{{{ run.attempt }}}}'\n"
    assert job(text).script.startswith(names)
    assert job("type: session\nprompt: '{{ params.any }}'\n").script == "{{ params.any }}"


@pytest.mark.parametrize("starter", ["schedule: '@daily'\n", "on_start: true\n"])
@pytest.mark.parametrize(
    ("prompt", "is_right"),
    [
        ("{{ params.city }}", False),
        ("{{ params.city | upper | default(1) }}", False),
        ("{{ params.city | default('Vienna') }}", True),
        ("{{ params['city'] | default('Vienna') }}", True),
        ("{% if params.city is defined %}{{ params.city }}{% endif %}!", True),
        ("{% if params.city is undefined %}!{% else %}{{ params.city }}{% endif %}", True),
    ],
)
def test_what_runs_by_themselves_are_not_given_is_a_mistake(
    starter: str, prompt: str, is_right: bool
) -> None:
    text = f'type: session\nparams: {{city: {{}}}}\nprompt: "{prompt}"\n'
    assert job(text).script == prompt
    if is_right:
        assert job(f"{text}{starter}").script == prompt
        return
    line, column, message, hint = error_of(f"{text}{starter}")
    assert (line, column) == (3, 13)
    assert message == "`prompt`: the parameter `city` has no default, and runs by themselves are given none"
    assert "default(" in hint


@pytest.mark.parametrize("starter", ["schedule: '@daily'\n", "on_start: true\n"])
def test_runs_by_themselves_are_given_no_parameter_that_is_not_declared(starter: str) -> None:
    text = f"type: session\n{starter}prompt: 'Look at {{{{ params.city }}}}'\n"
    line, column, message, hint = error_of(text)
    assert (line, column) == (3, 21)
    assert message == "`prompt`: the job declares no parameter `city`, and runs by themselves are given none"
    assert 'default("none")' in hint
    assert "declare it with a `default`" in hint
    guarded = text.replace("params.city", 'params.city | default("Vienna")')
    assert "Vienna" in job(guarded).script


@pytest.mark.parametrize(
    ("starters", "prompt", "is_right"),
    [
        ("schedule: '@daily'\n", "{{ run.scheduled_for }}", True),
        ("schedule: '@daily'\non_start: true\n", "{{ run.scheduled_for }}", False),
        ("on_start: true\n", "{{ run.scheduled_for }}", False),
        ("", "{{ run.scheduled_for | default('now') }}", True),
        ("", "{% if run.scheduled_for is defined %}at {{ run.scheduled_for }}{% endif %}!", True),
    ],
)
def test_a_time_is_for_jobs_that_run_by_a_schedule(starters: str, prompt: str, is_right: bool) -> None:
    text = f'type: session\nprompt: "{prompt}"\n{starters}'
    if is_right:
        assert job(text).script == prompt
    else:
        assert "`run.scheduled_for` has no value" in error_of(text)[2]


def test_a_session_with_a_precheck_has_what_programs_have() -> None:
    text = "type: session\nprompt: x\nprecheck: {run: exit 0}\nenv: {A: b}\ncwd: /tmp\n"
    spec = job(f"{text}retries: {{limit: 1, on_exit_codes: [2]}}\n")
    assert (spec.env, spec.cwd) == ((("A", "b"),), "/tmp")
    assert spec.retries is not None
    assert spec.retries.on_exit_codes == (2,)
    assert "`args` is for jobs of type script" in error_of(f"{text}args: [a]\n")[2]
