"""Prompts with the values of a run: what they can hold, and what no prompt can do."""

import json
import subprocess
import sys
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeeves_runner.core.model import Param, ParamType
from jeeves_runner.core.prompt import MAX_PROMPT, render, template_faults
from jeeves_runner.core.prompt_template import MAX_FAULTS, MAX_TOKENS
from jeeves_runner.errors import InvalidValue

TYPES = {bool: ParamType.BOOLEAN, int: ParamType.INTEGER, float: ParamType.NUMBER, str: ParamType.STRING}


UNSET = ("none", "other", "items", "keys", "parts", "__class__", "__init__")
"""Names of parameters that are declared, and that no run has."""


def rendered(text: str, **params: object) -> str:
    """With these parameters, declared by their types."""
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in params.items()}
    given = [Param(name=name, type=TYPES[type(value)]) for name, value in params.items()]
    return render(
        text,
        params=texts,
        declared=[*given, *(Param(name=name) for name in UNSET)],
        job_id="mail",
        scheduled_for=None,
        run_id=7,
        trigger="manual",
        attempt=1,
    )


def refusal_of(text: str, **params: object) -> str:
    with pytest.raises(InvalidValue) as caught:
        rendered(text, **params)
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sort the inbox.\n", "Sort the inbox.\n"),
        ("a } b }} c %}", "a } b }} c %}"),
        ("{{ params.city }}", "Wien"),
        ('{{ params["city"] }}', "Wien"),
        ('{{ params["my-name"] }}', "x"),
        ("{{ job.id }} {{ run.id }} {{ run.trigger }} {{ run.attempt }}", "mail 7 manual 1"),
        ("{{ params.yes }} {{ params.count }} {{ params.ratio }}", "true 3 0.5"),
        ("{{ params.city | upper }} {{ params.city | lower }}", "WIEN wien"),
        ("[{{ params.blank | trim }}]", "[a]"),
        ("{{ params.city | replace('Wi', 'W') }}", "Wen"),
        ("{{ params.quoted | tojson }}", '"say \\"ö\\"\\n"'),
        ("{{ params.city | length }}", "4"),
        ("{{ params.city | length > 3 and not params.count > 9 }}", "true"),
        ("{{ '12' | int }} {{ '1.5' | float }} {{ -3 }}", "12 1.5 -3"),
        ('{{ params.none | default("nowhere") }}', "nowhere"),
        ('{{ params.empty | default("nothing", true) }}', "nothing"),
        ('[{{ params.empty | default("nothing") }}]', "[]"),
        ("{{ params.none is defined }}", "false"),
        ('{% if params.city in ["Wien", "Graz"] %}Servus{% else %}Hallo{% endif %}', "Servus"),
        ("{{ 'a' if params.count == 3 else 'b' }}", "a"),
        ("{% raw %}{{ params.city }}{% endraw %}", "{{ params.city }}"),
        ("a{# a note #}b", "ab"),
        ("{% if true %}\nx\n{% endif %}\ny\n", "x\ny\n"),
        ("{{ params.braces }}", "{{ params.city }} {% endraw %}"),
    ],
)
def test_a_prompt_has_the_values_of_its_run(text: str, expected: str) -> None:
    values: dict[str, object] = {
        "city": "Wien",
        "my-name": "x",
        "yes": True,
        "count": 3,
        "ratio": 0.5,
        "blank": " a ",
        "quoted": 'say "ö"\n',
        "empty": "",
        "braces": "{{ params.city }} {% endraw %}",
    }
    assert template_faults(text) == ()
    assert rendered(text, **values) == expected


def test_parameters_have_their_declared_types_and_numbers_stand_as_they_are_written() -> None:
    declared = [Param(name="price", type=ParamType.NUMBER), Param(name="dry", type=ParamType.BOOLEAN)]
    declared.append(Param(name="other"))

    def said(text: str, **params: str) -> str:
        return render(text, params=params, declared=declared, job_id="a", scheduled_for=None)

    assert said("{{ params.price }} {{ params.price > 19 }}", price="19.90") == "19.90 true"
    assert said("{% if params.dry %}dry{% else %}wet{% endif %}", dry="false") == "wet"
    assert said("{% if params.other %}a text{% endif %}", other="false") == "a text"


def test_no_secret_parameter_gets_into_a_prompt() -> None:
    declared = [Param(name="token", secret=True), Param(name="city")]

    def refused(text: str, secret: frozenset[str] = frozenset()) -> str:
        with pytest.raises(InvalidValue) as caught:
            render(
                text,
                params={"token": "hunter2", "city": "Wien"},
                declared=declared if not secret else (),
                secret=secret,
                job_id="a",
                scheduled_for=None,
            )
        assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"
        return caught.value.message

    assert "the parameter `token` is secret" in refused("{{ params.token }}")
    assert "the parameter `token` is secret" in refused("{% if params.token == 'a' %}x{% endif %}y")
    assert "declares no parameter `town`" in refused("{{ params.town }}")
    assert "`params.token` has no value" in refused("{{ params.token }}", frozenset({"token"}))


def test_the_time_on_the_schedule_is_there_for_runs_that_have_one() -> None:
    text = "For {{ run.scheduled_for }}"
    at = "2026-11-29T08:00:00.000Z"
    assert render(text, params={}, job_id="mail", scheduled_for=at) == f"For {at}"
    assert refusal_of(text) == (
        "the prompt cannot be made: line 1: `run.scheduled_for` has no value:"
        " only runs by the schedule have one"
    )


@pytest.mark.parametrize(
    "text",
    [
        "{{ params.none }}",
        "{{ params.none | upper }}",
        "{{ params.none | length }}",
        "{{ params.none | int }}",
        "{{ params.none | tojson }}",
        "{{ params.city | replace(params.none, 'b') }}",
        "{% if params.none %}a{% endif %}b",
        "{% if params.none == 'a' %}a{% endif %}b",
        "{{ params.none == 'a' }}",
        "{{ 'a' in params.none }}",
        "{{ params.none or 'a' }}",
        "{{ not params.none }}",
        "{{ params.other | default(params.none) }}",
        "{{ params.items }}",
        "{{ params.keys }}",
        "{{ params.parts }}",
        "{{ params.__class__ }}",
        '{{ params["__init__"] }}',
        "{{ job.name }}",
    ],
)
def test_a_name_without_a_value_is_an_error_and_never_an_empty_word(text: str) -> None:
    assert "has no value: this run has" in refusal_of(text, city="Wien")


@pytest.mark.parametrize(
    "text", ["{{ none }}", "{{ [1, 2] }}", "{{ (1, 2) }}", "{{ [] | tojson }}", "{{ none | upper }}"]
)
def test_what_is_no_text_is_not_written(text: str) -> None:
    refusal_of(text)


ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ params.__class__.__init__.__globals__ }}",
    "{{ params['__class__']['__mro__'] }}",
    "{{ params.city.__class__ }}",
    "{{ params.city['__class__'] }}",
    "{{ params.city|attr('__class__') }}",
    "{{ params | attr('__class__') }}",
    "{{ self }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__['os'] }}",
    "{{ joiner }}",
    "{{ namespace }}",
    "{{ dict(a=1) }}",
    "{{ range(10) }}",
    "{{ config }}",
    "{{ request }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ url_for.__globals__ }}",
    "{{ ().__class__.__base__ }}",
    "{{ [].append(1) }}",
    "{{ 'a'.join(['b']) }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ '%s' % params.city }}",
    "{{ '%999999999d' % 1 }}",
    "{{ 'a' * 999999999 }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ 1 + 1 }}",
    "{{ 'a' ~ 'b' }}",
    "{{ 'a'.upper() }}",
    "{{ params.city.upper() }}",
    "{{ params.city() }}",
    "{{ params() }}",
    "{{ params.city[0] }}",
    "{{ params.city[::-1] }}",
    "{{ params }}",
    "{{ params[params.city] }}",
    "{{ {'a': 1} }}",
    "{{ params.city | map('upper') }}",
    "{{ params.city | format(1) }}",
    "{{ 'a' | center(999999999) }}",
    "{{ 'a' | indent(999999999) }}",
    "{{ params.city | list }}",
    "{{ params.city | xmlattr }}",
    "{{ params.city | default(*[1]) }}",
    "{{ params.city | default(**params) }}",
    "{{ params.city is callable }}",
    "{{ params.city if params.yes }}",
    "{% for x in [1, 2] %}a{% endfor %}",
    "{% for x in range(999999999) %}{% endfor %}",
    "{% set x = 1 %}",
    "{% set x %}a{% endset %}",
    "{% macro m() %}{{ m() }}{% endmacro %}",
    "{% call m() %}{% endcall %}",
    "{% filter upper %}a{% endfilter %}",
    "{% with x = 1 %}{% endwith %}",
    "{% block a %}{% endblock %}",
    "{% extends 'a' %}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% from 'os' import path %}",
    "{% autoescape true %}a{% endautoescape %}",
    "{% do 1 %}",
    "{% trans %}a{% endtrans %}",
    "{% debug %}",
    "{{ caller() }}",
    "{{ loop }}",
    "{{ x }}",
    "{{ x",
    "{% if %}",
    "{% if true %}",
    "{% endif %}",
    "{# a",
    "{% raw %}",
    "{{ 1" + "0" * 5000 + " }}",
    "{{ " + "(" * 400 + "1" + ")" * 400 + " }}",
    "{{ " + "not " * 5000 + "1 }}",
    "{{ params.a" + " | upper" * 4000 + " }}",
    "{{ params.a" + " and 1" * 4000 + " }}",
    "{{ params" + ".a" * 4000 + " }}",
    "{{ " + " ~ ".join(["params.a"] * 2000) + " }}",
    "{{ 1 }}" * 5000,
]


@pytest.mark.parametrize("text", ESCAPES, ids=lambda text: text[:40])
def test_what_a_prompt_may_not_hold_is_told_before_and_at_the_run(text: str) -> None:
    faults = template_faults(f"A line.\n{text}")
    assert faults
    assert all(fault.line in (1, 2) and fault.column >= 1 and fault.message for fault in faults)
    refusal_of(text, city="Wien", yes=True)


@pytest.mark.parametrize(
    "text",
    [
        "{{ params.a" + " | replace('a', 'aaaaaaaaaa')" * 20 + " }}",
        "{{ params.a" + " | upper" * 400 + " }}",
        "{{ params.a }}" * 1_000,
        "{{ params.a | replace('', 'aaaaaaaaaaaaaaaaaa') }}",
        "{{ params.a | tojson | tojson | tojson | tojson | tojson | tojson }}",
        "{{ params.a | int }}",
        "{% if 1 %}" * 300 + "{% endif %}" * 300,
        "{{ 1 }}" + "{{ params.a | upper | length }}" * 1_000,
    ],
    ids=lambda text: text[:50],
)
def test_what_would_grow_is_stopped(text: str) -> None:
    begun = thread_time()
    refusal_of(text, a="a\0" * 20_000)
    assert thread_time() - begun < 10


def test_the_result_may_have_256_kib() -> None:
    text = "{{ params.a }}" * 4
    assert len(rendered(text, a="x" * (MAX_PROMPT // 4))) == MAX_PROMPT
    assert "256 KiB" in refusal_of(text + "y", a="x" * (MAX_PROMPT // 4))
    assert "256 KiB" in refusal_of(text, a="ö" * (MAX_PROMPT // 4))


def test_a_prompt_that_comes_to_nothing_is_refused() -> None:
    assert refusal_of("{% if params.a %}x{% endif %}\n", a=False) == "the prompt is blank"
    assert refusal_of(" \n") == "the prompt is blank"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("{% if run.attempt = 2 %}a{% endif %}", "a single `=` compares nothing", "compare by `==`"),
        ("{% if run.attempt %}a", "an {% if … %} has no {% endif %}", "add {% endif %}"),
        ("{{ job.id", "a {{ has no }} that fits it", "add }}"),
        ("{{ job.id job.name }}", "one {{ … }} has more than one value", "end it by }}"),
        ("{% endif %}", "encountered unknown tag 'endif'", "{% raw %}"),
    ],
)
def test_mistakes_of_syntax_are_told_in_plain_words(text: str, message: str, hint: str) -> None:
    (fault,) = template_faults(text)
    assert fault.message == f"it is no template: {message}"
    assert hint in str(fault.hint)


def test_a_number_of_too_many_digits_is_told_in_words_of_ours() -> None:
    (fault,) = template_faults(f"{{{{ {'9' * 5000} }}}}")
    assert fault.message == "it is no template: a number has more than 4,300 digits"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\n{% if params.n > 3 %}c{% endif %}", "line 2: `>` cannot compare a text with a number"),
        ("{{ 2.5 <= params.n }}", "line 1: `<=` cannot compare a number with a text"),
        ("{{ 1 < none }}", "line 1: `<` cannot compare a number with no value"),
        ("{{ params.n | float }}", "line 1: `5x` is not a number"),
        ("a\n\n{{ [1] }}", "line 3: only texts, numbers, true and false can stand in a prompt"),
        ("{{ params.n | replace('', 'b') }}", "line 1: the filter `replace` needs a text to look for"),
        ("{{ params.n }}\n{{ run.scheduled_for }}", "line 2: `run.scheduled_for` has no value"),
        ("{{ params.n | replace('x', params.long) | tojson }}", "line 1: this makes too long a text"),
    ],
)
def test_an_error_names_its_line(text: str, said: str) -> None:
    message = refusal_of(text, n="5x", long="x" * 200_000)
    assert message.startswith(f"the prompt cannot be made: {said}")


def test_numbers_are_made_of_texts_to_be_compared() -> None:
    assert rendered("{% if params.n | int > 3 %}c{% endif %}", n="5") == "c"


@pytest.mark.parametrize("text", ["{{ params.my-name }}", "{{ params.my-long-name | upper }}"])
def test_how_a_name_with_a_dash_is_written_is_told(text: str) -> None:
    fault = template_faults(text, {"my-name": "given", "my-long-name": "given"})[0]
    assert fault.hint == 'a name with `-` is written params["my-name"]'
    assert "prompts have values" in str(template_faults("{{ 3 - 1 }}")[0].hint)


def test_of_many_mistakes_the_first_are_told() -> None:
    assert len(template_faults("{{ a }}\n" * 1000)) == MAX_FAULTS
    assert len(template_faults("{{ params.a }}\n" * (MAX_TOKENS // 4))) == 1


def test_what_was_looked_at_before_is_known_by_its_text_and_its_parameters() -> None:
    text = "{{ params.city }} {{ x }}"
    first = template_faults(text, {"city": "given"})
    assert template_faults(text, {"city": "given"}) is first
    assert [len(template_faults(text, {name: "given"})) for name in ("city", "town")] == [1, 2]
    assert len(template_faults(text, {"city": "secret"})) == 2
    assert len(template_faults(text)) == 1


def test_mistakes_have_line_and_column_with_any_line_ends() -> None:
    for end in ("\n", "\r\n", "\r"):
        (fault,) = template_faults(f"one{end}two{end}  three {{{{ job.id }}}} {{{{ jobs.id }}}}")
        assert (fault.line, fault.column, fault.message) == (3, 25, "unknown name `jobs`")
        assert fault.hint == "did you mean job?"


WORDS = """
{{ }} {% %} {# #} {%- -%} if elif else endif for in set params job run .city .id ['x'] ( ) [ ] | , : ~ + * **
default upper replace length tojson int is defined not and or == < 'a' 1 0.5 true none raw endraw x
"""
words = st.sampled_from([*WORDS.split(), "\n", '"b"'])


@given(st.lists(words, max_size=25).map(" ".join) | st.text(max_size=40))
def test_whatever_a_prompt_holds_there_is_a_text_or_a_refusal(text: str) -> None:
    faults = template_faults(text)
    try:
        found = rendered(text, city="Wien", x="y")
    except InvalidValue:
        return
    assert not faults
    assert found.strip()


@given(st.text(max_size=50))
def test_a_value_stands_in_the_prompt_as_it_is(value: str) -> None:
    assert rendered("[{{ params.a }}]", a=value) == f"[{value}]"


def test_plain_prompts_do_not_load_the_library() -> None:
    program = (
        "import sys\nfrom jeeves_runner.core.prompt import render, template_faults\n"
        "render('Sort the inbox.', params={}, job_id='a', scheduled_for=None)\ntemplate_faults('Sort.')\n"
        "assert 'jinja2' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
