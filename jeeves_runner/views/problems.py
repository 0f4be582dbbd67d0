"""Errors as programs are told: one table of statuses, one shape (RFC 9457)."""

from http import HTTPStatus
from typing import Final, NotRequired, TypedDict


class ProblemBody(TypedDict):
    """What is wrong with a request, or with the server (RFC 9457)."""

    type: str
    """``urn:jeeves-runner:problem:`` and the error's code."""
    title: str
    """The phrase of the status."""
    status: int
    """The status."""
    detail: str
    """What is wrong, in a sentence."""
    error: str
    """The same, for simple clients."""
    hint: NotRequired[str]
    """What to do about it."""


#: What each error code (``JeevesError.code``) answers; a test holds it complete.
STATUSES: Final[dict[str, HTTPStatus]] = {
    "base_moved": HTTPStatus.CONFLICT,
    "config": HTTPStatus.INTERNAL_SERVER_ERROR,
    "conflict": HTTPStatus.CONFLICT,
    "database": HTTPStatus.INTERNAL_SERVER_ERROR,
    "database_busy": HTTPStatus.SERVICE_UNAVAILABLE,
    "database_read_only": HTTPStatus.INTERNAL_SERVER_ERROR,
    "database_replaced": HTTPStatus.SERVICE_UNAVAILABLE,
    "database_too_new": HTTPStatus.INTERNAL_SERVER_ERROR,
    "error": HTTPStatus.INTERNAL_SERVER_ERROR,
    "fenced": HTTPStatus.SERVICE_UNAVAILABLE,
    "incomplete": HTTPStatus.CONFLICT,
    "invalid_value": HTTPStatus.BAD_REQUEST,
    "lease_lost": HTTPStatus.CONFLICT,
    "no_server": HTTPStatus.SERVICE_UNAVAILABLE,
    "no_value": HTTPStatus.NOT_FOUND,
    "not_a_database": HTTPStatus.INTERNAL_SERVER_ERROR,
    "not_found": HTTPStatus.NOT_FOUND,
    "not_ready": HTTPStatus.SERVICE_UNAVAILABLE,
    "overloaded": HTTPStatus.SERVICE_UNAVAILABLE,
    "port_taken": HTTPStatus.INTERNAL_SERVER_ERROR,
    "refused": HTTPStatus.CONFLICT,
    "runner_active": HTTPStatus.CONFLICT,
    "source": HTTPStatus.INTERNAL_SERVER_ERROR,
    "source_mismatch": HTTPStatus.CONFLICT,
    "start_failed": HTTPStatus.INTERNAL_SERVER_ERROR,
    "too_many_attempts": HTTPStatus.TOO_MANY_REQUESTS,
    "unauthorized": HTTPStatus.UNAUTHORIZED,
    "usage": HTTPStatus.BAD_REQUEST,
}


def problem_body(status: int, code: str, detail: str, *, hint: str | None = None) -> ProblemBody:
    """The object itself."""
    body: ProblemBody = {
        "type": f"urn:jeeves-runner:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "error": detail,
    }
    if hint:
        body["hint"] = hint
    return body
