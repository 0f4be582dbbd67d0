"""Parameters that manifests declare."""

import pytest
from support.manifests import assert_error, error_of, job, read

from jeeves_runner.core.model import Param, ParamType
from jeeves_runner.core.specs import job_from_text


def params(text: str, more: str = "") -> tuple[Param, ...]:
    return job(f"run: x\ntimeout: 1m\n{more}params: {text}\n").params


def test_a_parameter_is_a_string_that_may_be_left_out() -> None:
    assert params("{day: {}}") == (Param(name="day"),)


def test_everything_a_parameter_can_say() -> None:
    found = params(
        "{day: {description: When, enum: [monday, sunday], default: monday},"
        " count: {type: integer, enum: [1, -2], default: -2},"
        " ratio: {type: number, default: 0.5, required: true},"
        " dry-run: {type: boolean, default: false},"
        " month: {pattern: '[0-9]{4}-[0-9]{2}', default: 2026-01},"
        " token: {secret: true, required: true}}"
    )
    assert found == (
        Param(name="day", description="When", enum=("monday", "sunday"), default="monday"),
        Param(name="count", type=ParamType.INTEGER, enum=("1", "-2"), default="-2"),
        Param(name="ratio", type=ParamType.NUMBER, default="0.5", required=True),
        Param(name="dry-run", type=ParamType.BOOLEAN, default="false"),
        Param(name="month", pattern="[0-9]{4}-[0-9]{2}", default="2026-01"),
        Param(name="token", secret=True, required=True),
    )


def test_defaults_of_a_folder_are_replaced_as_a_whole() -> None:
    result = read(
        """\
        defaults: {timeout: 1m, params: {a: {}, b: {}}}
        jobs:
          - {id: inherits, run: x}
          - {id: own, run: x, params: {c: {}}}
          - {id: none, run: x, params: null}
        """
    )
    assert result.problems == ()
    specs = [job_from_text(entry.text).params for entry in result.entries]
    assert [[param.name for param in spec] for spec in specs] == [["a", "b"], ["c"], []]


@pytest.mark.parametrize(
    ("written", "column", "message", "hint"),
    [
        ("{}", 9, "`params` must be a mapping such as", "it is empty"),
        ("{day: 5}", 15, "`params.day` must be a mapping", ""),
        ("{day: null}", 15, "`params.day` must be a mapping", "it is empty"),
        ("{1day: {}}", 10, "the name `1day` is not allowed", ""),
        ("{a.b: {}}", 10, "the name `a.b` is not allowed", ""),
        ("{a: {tpye: string}}", 14, "unknown key `tpye`", "did you mean `type`?"),
        ("{a: {type: int}}", 20, "one of string, integer, number, boolean, not", "integer"),
        ("{a: {required: yes}}", 24, "must be true or false", "write true"),
        (
            "{a-b: {}, A_B: {}}",
            19,
            "`params.A_B` and `params.a-b` would both be the variable JR_PARAM_A_B",
            "",
        ),
        ("{a: {default: 5}}", 23, "`params.a.default` must be a string, not 5", 'quote it: "5"'),
        ("{a: {default: 1.10}}", 23, "`params.a.default` must be a string, not 1.10", 'quote it: "1.10"'),
        ("{a: {type: integer, default: '5'}}", 38, "must be a whole number", "without quotes: 5"),
        ("{a: {type: integer, default: 0.5}}", 38, "must be a whole number", ""),
        ("{a: {type: boolean, default: 1}}", 38, "must be true or false, not 1", ""),
        ("{a: {enum: [x, y], default: z}}", 37, "`params.a.default` must be one of x, y, not", ""),
        ("{a: {pattern: '[0-9]+', default: x1}}", 42, "must match [0-9]+ as a whole", ""),
        ("{a: {pattern: '[0-9]+', enum: ['1', x]}}", 45, "`params.a.enum[1]` must match [0-9]+", ""),
        ("{a: {type: integer, enum: [1, x]}}", 39, "`params.a.enum[1]` must be a whole number", ""),
        ("{a: {type: number, enum: [1, 1.0]}}", 34, "`params.a.enum`", ""),
        ("{a: {default: [1]}}", 23, "`params.a.default` must be a text, a number, true or false", ""),
        ("{a: {default: {b: 1}}}", 23, "`params.a.default` must be a text, a number, true or false", ""),
        ("{a: {enum: [true]}}", 21, "`params.a.enum[0]` must be a string, not true", 'quote it: "true"'),
        ("{a: {enum: [null]}}", 21, "`params.a.enum[0]` must be a text, a number, true or false", "empty"),
        ("{a: {type: boolean, enum: [true]}}", 29, "has no meaning", "remove `enum`"),
        ("{a: {type: integer, enum: [true]}}", 36, "`params.a.enum[0]` must be a whole number", ""),
        ("{a: {enum: []}}", 20, "`params.a.enum` must be a list", "it is empty"),
        ("{a: {enum: [x, x]}}", 20, "`params.a.enum` must be a list of up to 256 different values", ""),
        ("{a: {pattern: '(?=x)'}}", 23, "`(?=` is not known; expressions run in linear time", "RE2"),
        ("{a: {pattern: '('}}", 23, "missing ): `(`", ""),
        (
            "{a: {type: integer, pattern: x}}",
            29,
            "is for strings, and its type is integer",
            "remove `pattern`",
        ),
        ("{a: {type: boolean, enum: [1]}}", 29, "has no meaning", "remove `enum`"),
        (
            "{a: {secret: true, default: x}}",
            28,
            "its `default` would stand where everybody reads it",
            "`env`",
        ),
        ("{a: {secret: true, enum: [x]}}", 28, "its `enum` would stand where everybody reads it", ""),
        ('{a: {default: "a\\0"}}', 23, "`params.a.default` must not hold a NUL", "remove"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(written: str, column: int, message: str, hint: str) -> None:
    assert_error(f"run: x\ntimeout: 1m\nparams: {written}\n", 3, column, message, hint)


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("{a: {enum: [csv, json], default: cvs}}", "did you mean csv?"),
        ("{a: {enum: [csv, json], default: z}}", "for example `default: csv`"),
        ("{a: {pattern: '[0-9]+', default: x1}}", "write one that matches, or another `pattern`"),
        ('{a: {default: "a\\0"}}', "remove `\\0`"),
        ("{a: {type: integer, default: x}}", "write 42, say, or another `type`"),
        ("{a: {type: integer, enum: [1], default: '2'}}", "write it without quotes: 2"),
    ],
)
def test_quotes_are_not_blamed_for_what_is_wrong_without_them(written: str, hint: str) -> None:
    assert error_of(f"run: x\ntimeout: 1m\nparams: {written}\n")[3] == hint


@pytest.mark.parametrize("starter", ["schedule: '@daily'", "on_start: true"])
def test_what_starts_by_itself_needs_no_value_that_nobody_gives(starter: str) -> None:
    line, _, message, _ = error_of(f"run: x\ntimeout: 1m\n{starter}\nparams: {{a: {{required: true}}}}\n")
    assert f"but `{starter.partition(':')[0]}` starts the job without a value" in message
    assert line == 4
    assert params("{a: {required: true, default: x}}", f"{starter}\n")[0].required
    assert params("{a: {required: true}}")[0].required


def test_there_are_bounds() -> None:
    assert len(params("{" + ", ".join(f"p{n}: {{}}" for n in range(64)) + "}")) == 64
    _, _, message, _ = error_of("run: x\nparams: {" + ", ".join(f"p{n}: {{}}" for n in range(65)) + "}\n")
    assert message == "`params` has 65 parameters, where 64 are allowed"
    _, _, message, _ = error_of(f"run: x\nparams: {{a: {{enum: [{'x' * 1025}]}}}}\n")
    assert "longer than 1,024 characters" in message
