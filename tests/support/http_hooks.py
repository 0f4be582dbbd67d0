"""What schemathesis loads beside its own checks: every answer is held to its route as all tests' answers are.

So documents may have no fields that their types do not have; the description leaves more to later versions.
"""

from typing import Any

import schemathesis
from support.answers import check_answer


@schemathesis.check
def is_of_its_route(ctx: Any, response: Any, case: Any) -> None:
    """AssertionError unless the answer is what the route declares."""
    request = response.request
    content_type = response.headers.get("content-type", [""])[0].partition(";")[0]
    check_answer(request.method, request.path_url, response.status_code, content_type, response.text)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """What names something by an answer's field, such as a ``job``, names it by the id of that."""
    for name, value in case.path_parameters.items():
        if isinstance(value, dict):
            case.path_parameters[name] = value.get("id", value.get("name", "none"))
