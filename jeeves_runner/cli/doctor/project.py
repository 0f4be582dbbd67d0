"""The project: its config and its manifests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from jeeves_runner.cli.formats import counted
from jeeves_runner.cli.plan_text import declared_text, problem_summary
from jeeves_runner.config import Config, check_config
from jeeves_runner.core.diagnosis import Diagnosis
from jeeves_runner.core.live import Live
from jeeves_runner.errors import ConfigError
from jeeves_runner.reconcile.setup import plan_of

_ANY: Final = "http://127.0.0.1"
"""The address of a gateway that is not asked."""


def examine_config(here: Path, config_path: Path | None, fault: ConfigError | None) -> Iterator[Diagnosis]:
    """Each mistake and warning in the config file. ``fault``: what kept it from being taken as it stands."""
    path, problems = check_config(here, config_path)
    for problem in problems:
        where = f"{problem.file}:{problem.line}:{problem.column}"
        yield Diagnosis("config", problem.severity, f"{where}: {problem.message}", problem.hint)
    if not problems and fault is not None:
        yield Diagnosis("config", "error", fault.message, fault.hint)
    elif not problems and path is not None:
        yield Diagnosis("config", "ok", f"{path} is valid")
    elif not problems:
        yield Diagnosis("config", "ok", "no config file here, so every setting is the default")


def examine_manifests(config: Config, fault: ConfigError | None) -> Iterator[Diagnosis]:
    """Whether they are valid; SourceError if they cannot be looked at. ``fault`` as of ``examine_config``."""
    if fault is not None and config.gateway.url is None:  # its mistake may be in the gateway that it names
        config = config._replace(gateway=config.gateway._replace(url=_ANY))
    plan, _ = plan_of(config, Live.nothing())
    errors = [problem for problem in plan.problems if problem.is_error]
    found = f"{counted(plan.manifests, 'manifest')}, {declared_text(plan)} declared"
    if plan.problems:
        worst = (errors or plan.problems)[0]
        message = f"{found}, {problem_summary(plan.problems)}; the first: {worst}"
        yield Diagnosis("manifests", worst.severity, message, "`jeeves-runner validate` shows them all")
    else:
        yield Diagnosis("manifests", "ok", found)
