"""Prompts as templates: jinja2's sandbox, and of its language a part in which nothing can grow without end.

A prompt has values, ``if``, comparisons and a few filters. It has no loop, no assignment, no arithmetic and
no call, and what it reaches are two names that both stand in it, such as ``params.city``. So the work is
bounded by the length of the text, and what filters make is counted.

Loading this module loads jinja2: ``core.prompt`` does so for a prompt that holds more than plain text.
"""

import inspect
import re
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any, Final, Literal, NamedTuple

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, nodes, pass_context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from jeeves_runner.core.prompt_filters import TESTS, Function, Work, filters_of, written
from jeeves_runner.core.prompt_mistakes import RAW, line_of, plain, syntax_fault
from jeeves_runner.core.wording import brief, known_words
from jeeves_runner.errors import InvalidValue

NAMES: Final[Mapping[str, tuple[str, ...] | None]] = {
    "params": None,
    "job": ("id", "name"),
    "run": ("id", "scheduled_for", "attempt", "trigger"),
}
"""What a prompt can name, and the parts of each; None: as the run has them."""

Supply = Literal["secret", "given", "may lack"]
"""Of a parameter: it is secret; it has a value in each run; or some runs that no person starts have none."""

Params = Mapping[str, Supply] | None
"""The parameters that a job declares; None: it takes any."""

MAX_FAULTS: Final = 20
"""Of one prompt; a reader mends these first."""

MAX_TOKENS: Final = 10_000
"""Words and signs of all expressions in a prompt."""

_NUMBERS: Final = "`int` and `float` make numbers of texts: {{ params.n | int > 3 }}"
_NESTED: Final = "it is nested too deep"
_SIMPLIFY: Final = "simplify its conditions"
_BREAK: Final = re.compile("\r\n|\r|\n")  # as jinja2 counts lines
_OPENING: Final = re.compile(r"\{[{%#]")
_WORDS: Final[Mapping[type[nodes.Node], str]] = {
    nodes.Call: "a call, `()`,",
    nodes.For: "`for`",
    nodes.Assign: "`set`",
    nodes.AssignBlock: "`set`",
    nodes.FilterBlock: "a `filter` block",
    nodes.CallBlock: "`call`",
    nodes.Concat: "`~`",
    nodes.Slice: "a slice",
    nodes.Dict: "a mapping",
    nodes.Scope: "`autoescape`",
}
"""How what a prompt may not hold is called, where the name of its kind does not say it."""

_ALLOWED: Final = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Const,
    nodes.If,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Neg,
    nodes.List,
    nodes.Tuple,
    nodes.Keyword,
    nodes.Pair,
)
"""What needs no look of its own. Names, filters and tests have one."""


class TemplateFault(NamedTuple):
    """What is wrong with a prompt."""

    line: int
    """In the prompt, from 1."""
    column: int
    """Likewise; of a mistake that spans several lines, where the expression begins."""
    message: str
    """A sentence that names what is wrong."""
    hint: str | None = None
    """What to write instead."""


class _Environment(ImmutableSandboxedEnvironment):
    """What the template is compiled and run in."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            undefined=StrictUndefined,
            # With the context, so that nothing is worked out while the template is compiled.
            finalize=pass_context(lambda context, value: written(value)),
            optimized=False,
            autoescape=False,
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
            cache_size=0,
        )
        self.globals = {}
        self.filters = filters_of(Work(limit))
        self.tests = dict(TESTS)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Only what the run has; no attribute of any object is ever asked for."""
        return self._part(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return self._part(obj, argument)

    def _part(self, obj: Any, name: Any) -> Any:
        if not (isinstance(obj, _Values) and isinstance(name, str)):
            return self.undefined(hint="only `params`, `job` and `run` have parts")
        value = obj.parts.get(name)
        if value is not None:
            return value
        return self.undefined(hint=f"`{obj.root}.{brief(name)}` has no value: {_absence(obj.root, name)}")


class _Values:
    """The parts of a name. It is no mapping: what no part is called has no value."""

    __slots__ = ("parts", "root")

    def __init__(self, root: str, parts: Mapping[str, object]) -> None:
        self.root = root
        self.parts = parts


def _absence(root: str, name: str) -> str:
    if root == "params":
        return "this run has no such parameter"
    if (root, name) == ("run", "scheduled_for"):
        return "only runs by the schedule have one"
    return "this run has none"


def _otherwise(name: str) -> str:
    """What to do where a name may have no value."""
    return f'write what stands there instead: {{{{ {name} | default("none") }}}}'


def faults_of(
    text: str, params: Params, *, is_timed: bool = True, by_itself: bool = False
) -> tuple[TemplateFault, ...]:
    """What is wrong with a prompt whatever the values are, ``MAX_FAULTS`` at most, by place.

    ``params``: the parameters that its job declares. ``is_timed``: all runs that no person starts are by its
    schedule. ``by_itself``: there are such runs.
    """
    try:
        env = _Environment(0)
        check = _Check(text, env.filters, params, is_timed=is_timed, by_itself=by_itself)
        found = list(islice(check.faults(_parsed(env, text)), MAX_FAULTS))
    except TemplateSyntaxError as error:
        fault = syntax_fault(error.message or "a mistake")
        return (_Place(text, error.lineno).fault(f"it is no template: {fault.message}", fault.hint),)
    except InvalidValue as error:
        return (TemplateFault(1, 1, error.message, error.hint),)
    except (RecursionError, MemoryError):
        return (TemplateFault(1, 1, _NESTED, _SIMPLIFY),)
    except ValueError as error:  # a number with thousands of digits
        return (TemplateFault(1, 1, f"it is no template: {plain(str(error))}"),)
    return tuple(sorted(dict.fromkeys(found), key=lambda fault: fault[:2]))


def render_template(text: str, values: Mapping[str, Mapping[str, object]], params: Params, limit: int) -> str:
    """The prompt with these values, by the names of ``NAMES``; a value that is None is none.

    ``params``: the parameters that the job declares; none of them may lack. InvalidValue for a name without a
    value, for what ``faults_of`` finds, and for more than ``limit`` bytes.
    """
    fault = next(iter(faults_of(text, params)), None)
    if fault is not None:
        raise InvalidValue(f"line {fault.line} of the prompt: {fault.message}", hint=fault.hint)
    env = _Environment(limit)
    names = {root: _Values(root, values.get(root, {})) for root in NAMES}
    try:
        return _joined(env.from_string(_parsed(env, text)).generate(names), limit)
    except MemoryError:
        raise
    except Exception as error:
        line = line_of(error)
        if line is None and isinstance(error, InvalidValue):  # of the prompt as a whole
            raise
        message, hint = _in_words(error)
        where = "" if line is None else f"line {line}: "
    raise InvalidValue(f"the prompt cannot be made: {where}{message}", hint=hint)


def _in_words(error: Exception) -> tuple[str, str | None]:
    """What has gone wrong as a prompt was made, and what to do."""
    if isinstance(error, InvalidValue):
        return error.message, error.hint
    if isinstance(error, UndefinedError):
        message = error.message or "a name has no value"
        return message, _otherwise(message.split("`")[1] if message.startswith("`") else "params.city")
    if isinstance(error, RecursionError | SyntaxError):
        return _NESTED, _SIMPLIFY
    return plain(str(error)), _NUMBERS


def _joined(parts: Iterator[str], limit: int) -> str:
    found, left = [], limit
    for part in parts:
        left -= len(part.encode(errors="replace"))
        if left < 0:
            raise InvalidValue(
                f"the prompt comes to more than {limit // 1024} KiB", hint="give the run shorter values"
            )
        found.append(part)
    return "".join(found)


def _parsed(env: _Environment, text: str) -> nodes.Template:
    """Raises TemplateSyntaxError; InvalidValue for too many expressions, before they take long."""
    count, raw = 0, None
    for line, kind, _ in env.lex(text):
        count += kind not in ("data", "whitespace", "raw_begin", "raw_end", "comment")
        if count > MAX_TOKENS:
            raise InvalidValue(
                f"its expressions have more than {MAX_TOKENS:,} words and signs", hint=f"write fewer; {RAW}"
            )
        if kind in ("raw_begin", "raw_end"):
            raw = line if kind == "raw_begin" else None
    if raw is not None:  # at the end of a text jinja2 passes over it
        raise TemplateSyntaxError("{% raw %} has no {% endraw %}", raw)
    return env.parse(text)


class _Place:
    """Where something stands in a prompt."""

    def __init__(self, text: str, line: int, name: str | None = None) -> None:
        """``name``: the word that is meant, else the expression that it stands in."""
        lines = _BREAK.split(text)
        self._line = line
        self._column = 1
        if not 0 < line <= len(lines):
            return
        begin = _OPENING.search(lines[line - 1])
        start = 0 if begin is None else begin.start()
        word = None if name is None else re.compile(rf"\b{re.escape(name)}\b").search(lines[line - 1], start)
        self._column = (start if word is None else word.start()) + 1

    def fault(self, message: str, hint: str | None = None) -> TemplateFault:
        return TemplateFault(self._line, self._column, message, hint)


class _Check:
    """Looks through a template for what no prompt can hold."""

    def __init__(
        self,
        text: str,
        filters: Mapping[str, Function],
        params: Params,
        *,
        is_timed: bool,
        by_itself: bool,
    ) -> None:
        self._text = text
        self._filters = filters
        self._params = params
        self._is_timed = is_timed
        self._undeclared: Supply = "may lack" if by_itself else "given"
        """Of all parameters, where the job declares none."""
        self._guarded: frozenset[str] = frozenset()
        self._line = 1

    def faults(self, template: nodes.Template) -> Iterator[TemplateFault]:
        """In the order of the template."""
        self._guarded = frozenset(_guarded(template))
        waiting: list[nodes.Node] = [template]
        while waiting:
            node = waiting.pop()
            self._line = node.lineno or self._line  # a few nodes have none of their own
            fault = self._fault(node)
            if fault is not None:
                yield fault
            elif not isinstance(node, nodes.Getattr | nodes.Getitem):
                waiting += reversed(list(node.iter_child_nodes()))

    def _fault(self, node: nodes.Node) -> TemplateFault | None:
        if isinstance(node, nodes.Getattr | nodes.Getitem | nodes.Name):
            return self._of_a_name(node)
        if isinstance(node, nodes.Filter):
            return self._of_a_call(node, "filter", self._filters)
        if isinstance(node, nodes.Test):
            return self._of_a_call(node, "test", TESTS)
        if isinstance(node, nodes.CondExpr):
            if node.expr2 is not None:
                return None
            message = "this `if` has no `else`, and might leave an empty word"
            return self._at(node, "if").fault(message, 'write else "", or take {% if … %} and {% endif %}')
        if isinstance(node, _ALLOWED):
            return None
        message = f"{_word(node)} is nothing that a prompt can hold"
        if isinstance(node, nodes.Sub) and isinstance(node.right, nodes.Name | nodes.Filter):
            return self._at(node).fault(message, 'a name with `-` is written params["my-name"]')
        return self._at(node).fault(message, f"prompts have values, `if`, comparisons and filters; {RAW}")

    def _of_a_name(self, node: nodes.Getattr | nodes.Getitem | nodes.Name) -> TemplateFault | None:
        """``params.city`` and ``params["city"]`` are right; all else that has to do with names is not."""
        inner = node if isinstance(node, nodes.Name) else node.node
        if not isinstance(inner, nodes.Name):
            hint = "a value has no parts; names are written like `params.city`"
            return self._at(node).fault("this is no name of a value", hint)
        root = inner.name
        if root not in NAMES:
            hint = known_words(root, NAMES, "names")
            return self._at(node, root).fault(f"unknown name `{brief(root)}`", hint)
        part: object = None
        if isinstance(node, nodes.Getattr):
            part = node.attr
        elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
            part = node.arg.value
        if not isinstance(part, str):
            message = f"`{root}` has several values, and this names none of them"
            return self._at(node, root).fault(message, f"write {root}.NAME")
        return self._of_a_part(node, root, part)

    def _of_a_part(self, node: nodes.Node, root: str, part: str) -> TemplateFault | None:
        known = NAMES[root]
        if known is not None:
            if part in known:
                return self._of_a_time(node, root) if part == "scheduled_for" else None
            hint = known_words(f"{root}.{part}", [f"{root}.{each}" for each in known], f"values of `{root}`")
            return self._at(node, root).fault(f"unknown name `{root}.{brief(part)}`", hint)
        supply = self._undeclared if self._params is None else self._params.get(part)
        if supply == "given" or (supply == "may lack" and part in self._guarded):
            return None
        if supply == "may lack":
            return self._of_a_lack(node, root, part)
        if supply == "secret":
            message = f"the parameter `{part}` is secret, and a gateway keeps and shows what agents are told"
            return self._at(node, root).fault(message, "take it out, or declare it without `secret`")
        hint = known_words(part, self._params or (), "declared parameters")
        return self._at(node, root).fault(f"the job declares no parameter `{brief(part)}`", hint)

    def _of_a_lack(self, node: nodes.Node, root: str, part: str) -> TemplateFault:
        what, remedy = f"the parameter `{part}` has no default", "give it a `default`"
        if self._params is None:
            what, remedy = f"the job declares no parameter `{brief(part)}`", "declare it with a `default`"
        hint = f"{_otherwise(f'{root}.{part}')}, or {remedy}"
        return self._at(node, root).fault(f"{what}, and runs by themselves are given none", hint)

    def _of_a_time(self, node: nodes.Node, root: str) -> TemplateFault | None:
        if self._is_timed or "scheduled_for" in self._guarded:
            return None
        message = "`run.scheduled_for` has no value in a run that is not by a schedule"
        return self._at(node, root).fault(message, _otherwise("run.scheduled_for"))

    def _of_a_call(
        self, node: nodes.Filter | nodes.Test, what: str, known: Mapping[str, Function]
    ) -> TemplateFault | None:
        place = partial(self._at, node, node.name)
        if node.name not in known:
            hint = known_words(node.name, sorted(known), f"{what}s")
            return place().fault(f"unknown {what} `{brief(node.name)}`", hint)
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            return place().fault(f"the {what} `{node.name}` takes no `*`", "write out what it is given")
        by_name = {str(each.key): each.value for each in node.kwargs}
        try:
            inspect.signature(known[node.name]).bind(None, *node.args, **by_name)
        except TypeError as error:
            return place().fault(f"the {what} `{node.name}` is given what it does not take: {error}")
        return None

    def _at(self, node: nodes.Node, name: str | None = None) -> _Place:
        return _Place(self._text, node.lineno or self._line, name)


def _guarded(template: nodes.Template) -> Iterator[str]:
    """The parameters of which a template says what is to be where they have no value."""
    for node in template.find_all((nodes.Filter, nodes.Test)):
        if node.name in ("default", "defined", "undefined") and isinstance(node.node, nodes.Getattr):
            yield node.node.attr
        elif node.name in ("default", "defined", "undefined") and isinstance(node.node, nodes.Getitem):
            yield str(getattr(node.node.arg, "value", ""))


def _word(node: nodes.Node) -> str:
    word = _WORDS.get(type(node))
    if word is not None:
        return word
    if isinstance(node, nodes.BinExpr | nodes.UnaryExpr):
        return f"`{node.operator}`"
    return f"`{type(node).__name__.lower()}`"
