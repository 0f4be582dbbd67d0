"""The routes of the runner itself."""

from typing import Final

from jeeves_runner.api.callers import Role
from jeeves_runner.api.handlers import metrics, openapi, runner
from jeeves_runner.api.route import Audit, MetricsText, Route, act, look
from jeeves_runner.config import Config
from jeeves_runner.views.runner import HealthzDocument, IndexDocument, ReadyzDocument, StatusDocument
from jeeves_runner.views.selected import SelectedDocument
from jeeves_runner.views.sync import SyncDocument

RUNNER: Final[tuple[Route, ...]] = (
    look("/", "What this server is, and where to look", runner.index, {200: IndexDocument}),
    look(
        "/openapi.json",
        "What there is over HTTP, for programs",
        openapi.document,
        {200: dict[str, object], 304: None},
        description="OpenAPI 3.1. It has an `ETag`.",
    ),
    look("/status", "How the runner is", runner.status, {200: StatusDocument}),
    look("/healthz", "Whether the server answers", runner.healthz, {200: HealthzDocument}, role=Role.OPEN),
    look(
        "/metrics",
        "What programs read that watch the runner: Prometheus and its kin",
        metrics.metrics,
        {200: MetricsText},
        description=(
            "[Metrics](metrics.md) in the text of Prometheus, or of OpenMetrics where the header `Accept` "
            "names `application/openmetrics-text`."
        ),
    ),
    look(
        "/readyz",
        "Whether runs start",
        runner.readyz,
        {200: ReadyzDocument},
        description=(
            "Before, and once the server is told to stop, it is 503, whose `detail` is one word: `starting` "
            "or `stopping`."
        ),
        role=Role.OPEN,
    ),
    look(
        "/config",
        "The settings in force",
        runner.config,
        {200: Config | SelectedDocument},
        description="All of them, or what `path` selects. Secrets are never among them.",
    ),
    look(
        "/sync",
        "How the live jobs stand against the manifests",
        runner.sync,
        {200: SyncDocument},
        description=(
            "`consequences` tell what the changes do to [variables that other jobs "
            "inherit](script-environment.md#environment). While the config file differs, `state` is "
            "`pending` where it would be `in_sync`."
        ),
    ),
    act(
        "/reconcile",
        "Look at the manifests now, and apply what the look finds",
        runner.reconcile,
        {202: SyncDocument},
        description=(
            "The answer is the document of `/sync` before the look. What the look finds is applied with "
            "`sync.mode: manual` too; the guards stay in force."
        ),
        audit=Audit.REQUEST,
    ),
    act(
        "/nudge",
        "Look now for what others have written to the database",
        runner.nudge,
        {204: None},
        description=(
            "Commands ask for this after what they write for the server, the client after adding items. "
            "Unasked it looks once a second."
        ),
        audit=Audit.NOWHERE,
    ),
)
