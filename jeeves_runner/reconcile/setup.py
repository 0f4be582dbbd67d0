"""From the config to a source of manifests and a planner; the rest of this room does not know the config."""

import os
from collections.abc import Callable

from jeeves_runner import __version__
from jeeves_runner.config import Config
from jeeves_runner.core.live import Live
from jeeves_runner.core.manifest.context import ProjectContext
from jeeves_runner.core.namespaces import Namespaces
from jeeves_runner.core.plan import Plan
from jeeves_runner.reconcile.planner import Planner, PlannerSetup
from jeeves_runner.reconcile.schema_files import content_in
from jeeves_runner.schemas_text import manifest_schema
from jeeves_runner.sources.contract import Source, SourceFile, Trace
from jeeves_runner.sources.folder.source import FolderSource


def _folder(config: Config) -> FolderSource:
    """The folder ``jobs_dir``, which every config has."""
    return FolderSource(folder=config.jobs_dir, root=config.root)


SOURCES: tuple[Callable[[Config], Source | None], ...] = (_folder,)
"""One for each kind of source: it makes the source, or says None where the config does not ask for one."""


def source_of(config: Config) -> Source:
    """The source of the config's manifests: the first in ``SOURCES`` that it asks for."""
    return next(source for make in SOURCES if (source := make(config)) is not None)


def planner_setup(config: Config, *, processes: int = 1) -> PlannerSetup:
    """All a planner needs, as a value that can be sent to another process."""
    return PlannerSetup(
        source=source_of(config),
        schema=manifest_schema(),
        context=ProjectContext(
            project_root=str(config.root),
            timezone=config.timezone,
            pools=frozenset(config.pools),
            has_gateway=config.gateway.url is not None,
            channels=config.notifications.channels,
        ),
        runners=tuple(sorted(config.runners.items())),
        inherit_env=config.inherit_env,
        version=__version__,
        checks=config.graph.checks,
        processes=processes,
    )


def planner_of(config: Config) -> Planner:
    """A planner for a command that does nothing else meanwhile: it may use every processor."""
    return Planner(_setup_of_a_command(config))


def _setup_of_a_command(config: Config) -> PlannerSetup:
    return planner_setup(config, processes=min(os.cpu_count() or 1, 4))


def plan_of(
    config: Config, live: Live, *, staged: bool = False, names: Namespaces | None = None
) -> tuple[Plan, Trace | None]:
    """What an apply would change of what is live, and what to ask the source for its commit with.

    ``staged``: by what git's index has, and not by the files; it has no commit yet. ``names`` as of
    ``Planner.compare``. Raises SourceError when the manifests cannot be looked at.
    """
    if not staged:
        planner = planner_of(config)
        return planner.plan(live, names), planner.trace
    from jeeves_runner.reconcile.staged_plan import StagedCheck
    from jeeves_runner.sources.folder.staged import Staged

    files = Staged(_folder(config))
    check = StagedCheck(files).fault_of
    planner = Planner(_setup_of_a_command(config), check=check, content=content_in(files))
    return planner.compare(files.look(), live, names), None


def files_of(config: Config, *, staged: bool = False) -> tuple[SourceFile, ...]:
    """The manifests themselves, or those of git's index; SourceError as of ``plan_of``."""
    if not staged:
        return source_of(config).look().files
    from jeeves_runner.sources.folder.staged import Staged

    return Staged(_folder(config)).look().files


def plan_of_commit(config: Config, name: str, names: Namespaces) -> tuple[Plan, str]:
    """All that the manifests of a commit declare, as a plan against nothing; and the commit's full name.

    They are read with the config of now. What their jobs require is not looked for: it may be gone by now.
    ``names`` as of ``Planner.compare``.
    """
    from jeeves_runner.sources.folder.committed import Committed

    files = Committed(_folder(config), name)
    planner = Planner(
        _setup_of_a_command(config), check=lambda _required, _runners: None, content=content_in(files)
    )
    return planner.compare(files.look(), Live.nothing(), names), files.commit
