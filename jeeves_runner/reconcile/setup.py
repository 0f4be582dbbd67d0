"""From the config to a source of manifests and a planner; the rest of this room does not know the config."""

import os

from jeeves_runner import __version__
from jeeves_runner.config import Config
from jeeves_runner.core.manifest.context import ProjectContext
from jeeves_runner.reconcile.planner import Planner, PlannerSetup
from jeeves_runner.schemas_text import manifest_schema
from jeeves_runner.sources.folder import FolderSource


def source_of(config: Config) -> FolderSource:
    """The folder the config's manifests come from."""
    return FolderSource(folder=config.jobs_dir, root=config.root)


def planner_setup(config: Config, *, processes: int = 1) -> PlannerSetup:
    """All a planner needs, as a value that can be sent to another process."""
    return PlannerSetup(
        source=source_of(config),
        schema=manifest_schema(),
        context=ProjectContext(
            project_root=str(config.root), timezone=config.timezone, pools=frozenset(config.pools)
        ),
        runners=tuple(sorted(config.runners.items())),
        version=__version__,
        processes=processes,
    )


def planner_of(config: Config) -> Planner:
    """A planner for a command that does nothing else meanwhile: it may use every processor."""
    return Planner(planner_setup(config, processes=min(os.cpu_count() or 1, 4)))
