"""The routes of revisions, and of all that is live by them."""

from typing import Final

from jeeves_runner.api.handlers import revisions
from jeeves_runner.api.route import Route, look
from jeeves_runner.views.revisions import RevisionDocument, RevisionsDocument
from jeeves_runner.views.specs import SpecsDocument

REVISIONS: Final[tuple[Route, ...]] = (
    look(
        "/specs",
        "All that is live as it was declared, for manifests to be compared with",
        revisions.specs,
        {200: SpecsDocument},
        description="It is what [`diff --server`](commands.md#diff) reads.",
    ),
    look("/revisions", "What was applied, newest first", revisions.revisions, {200: RevisionsDocument}),
    look(
        "/revisions/{revision}",
        "An apply with all that it changed",
        revisions.revision,
        {200: RevisionDocument},
        description="`changes` are as `diff --json` has them, in the words of a manifest.",
        problems={404},
    ),
)
