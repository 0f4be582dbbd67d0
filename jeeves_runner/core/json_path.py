"""Parts of JSON documents by JSONPath, the query language of RFC 9535.

A path comes from outside, and a short one can ask for much: so all that is looked at is counted, and a path
that goes on beyond a bound is refused. Regular expressions in it are RE2's, in linear time.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from jsonpath import JSONPath, JSONPathEnvironment, JSONPathMatch
from jsonpath.exceptions import JSONPathError, JSONPathRecursionError
from jsonpath.filter import BaseExpression, FilterQuery
from jsonpath.function_extensions import ExpressionType, FilterFunction
from jsonpath.selectors import Filter
from jsonpath.token import TOKEN_EOF

from jeeves_runner.core.expressions import fullmatch, search, size_of
from jeeves_runner.errors import InvalidValue, TextTooLong

MAX_PATH: Final = 1000
"""Characters of a path."""

MAX_STEPS: Final = 200_000
"""Values that are looked at and comparisons that are made: about a second."""

_PER_STEP: Final = 1000
"""What counts as a step of a regular expression: characters of the text times the size of the expression."""

_EXAMPLE: Final = "JSONPath is like $.name, $['a key'], $.list[0], $..name, $.list[?@.age > 3]; see RFC 9535"


def select(document: Mapping[str, object], path: str) -> list[object]:
    """The values that the path selects, in its order.

    InvalidValue for what is no path, with the column, counted from 1; and for one that looks at too much.
    """
    if len(path) > MAX_PATH:
        raise InvalidValue(f"path has {len(path):,} characters, where {MAX_PATH:,} are allowed")
    if not path.startswith("$"):
        raise InvalidValue("path, column 1: a path begins with `$`, the whole document", hint=_EXAMPLE)
    environment = _Bounded()
    try:
        return [found.obj for found in environment.counted(path).finditer(document)]
    except JSONPathRecursionError as error:
        raise InvalidValue(f"path goes too deep: {error.message}") from None
    except JSONPathError as error:
        what = str(error.message).replace("TOKEN_", "")
        raise InvalidValue(f"path, column {_column(error, path)}: {what}", hint=_EXAMPLE) from None


def _column(error: JSONPathError, path: str) -> int:
    """Where the fault is, from 1."""
    token = error.token
    if token is None or token.kind == TOKEN_EOF:
        return len(path) + 1
    return token.index + 1


class _Bounded(JSONPathEnvironment):
    """The language of the RFC, for one path."""

    def __init__(self) -> None:
        self._steps = 0
        super().__init__(strict=True, filter_caching=False)

    def counted(self, path: str) -> "_Path":
        """A path that counts what it looks at, in its filters too. JSONPathError."""
        compiled = self.compile(path)
        if not isinstance(compiled, JSONPath):
            raise InvalidValue("path must be one path, and not a union of several", hint=_EXAMPLE)
        return _counted(self, compiled)

    def spend(self, steps: int = 1) -> None:
        """Count what is looked at."""
        self._steps += steps
        if self._steps > MAX_STEPS:
            raise InvalidValue(
                f"path looks at more than {MAX_STEPS:,} values",
                hint="name more of the way to what you want, and use `..` and filters further down",
            )

    def setup_function_extensions(self) -> None:
        super().setup_function_extensions()
        self.function_extensions["match"] = _Expression(self, whole=True)
        self.function_extensions["search"] = _Expression(self, whole=False)

    def compare(self, left: object, operator: str, right: object) -> bool:
        self.spend()
        return super().compare(left, operator, right)


def _counted(environment: _Bounded, path: JSONPath) -> "_Path":
    for segment in path.segments:
        for selector in segment.selectors:
            if isinstance(selector, Filter):
                _count_in(environment, selector.expression)
    return _Path(env=environment, segments=path.segments)


def _count_in(environment: _Bounded, expression: BaseExpression) -> None:
    if isinstance(expression, FilterQuery):
        expression.path = _counted(environment, expression.path)
        return
    for part in expression.children():
        _count_in(environment, part)


class _Path(JSONPath):
    """A path whose nodes are counted."""

    __slots__ = ()
    env: _Bounded

    def finditer(
        self, data: Any, *, filter_context: Mapping[str, Any] | None = None
    ) -> Iterable[JSONPathMatch]:
        nodes: Iterable[JSONPathMatch] = [_Place(self.env, data, None, data, filter_context or {})]
        for segment in self.segments:
            nodes = segment.resolve(nodes)
        return nodes


class _Place(JSONPathMatch):
    """A value that is looked at. Not noted is where it stands: with long keys that is most of the work."""

    __slots__ = ("_environment",)

    def __init__(
        self,
        environment: _Bounded,
        value: object,
        parent: "_Place | None",
        root: Any,
        context: Mapping[str, Any],
    ) -> None:
        environment.spend()
        super().__init__(filter_context=context, obj=value, parent=parent, path="", parts=(), root=root)
        self._environment = environment

    def new_child(self, obj: object, key: int | str) -> JSONPathMatch:
        return _Place(self._environment, obj, self, self.root, self.filter_context())


class _Expression(FilterFunction):
    """``match`` and ``search``. As the RFC has it, what is no text, or no expression, does not match."""

    arg_types = [ExpressionType.VALUE, ExpressionType.VALUE]  # noqa: RUF012 - the library asks for a list
    return_type = ExpressionType.LOGICAL

    def __init__(self, environment: _Bounded, *, whole: bool) -> None:
        self._environment = environment
        self._fits = fullmatch if whole else search

    def __call__(self, value: Any, pattern: Any) -> bool:
        if not isinstance(value, str) or not isinstance(pattern, str):
            return False
        try:
            size = size_of(pattern)
        except InvalidValue:
            return False
        self._environment.spend(1 + len(value) * size // _PER_STEP)
        try:
            return self._fits(pattern, value)
        except TextTooLong as error:
            raise InvalidValue(f"path: {error.message}") from None
