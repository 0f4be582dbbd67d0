"""All commands, in the order of ``--help``. Each is imported only when it is asked for.

Tab and ``--help`` import the module of a command to learn its options. So what takes long to import stands
in the functions that use it: the modules of ``views``, ``client``, ``reconcile``, ``runs`` and ``service``;
in ``jobs`` and ``runs``, which need nothing else of the database, ``cli.server`` as well. All else stands at
the top. ``status`` and ``config`` have no words to complete, and import everything there.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Listed(NamedTuple):
    """A command as the list knows it, without its module."""

    name: str
    """The word on the command line."""
    summary: str
    """Its line in ``--help``, and what Tab shows beside the name."""
    place: str
    """Where its click command stands: ``MODULE:NAME``, the module being one of this package."""


#: The sections of ``--help``: the part of the work, and its commands.
SECTIONS: Final[Mapping[str, tuple[Listed, ...]]] = {
    "Manifests": (
        Listed("init", "Make a project: config, an example job, CI and editor support.", "init:command"),
        Listed("add-job", "Write the manifest of a new job.", "add_job:command"),
        Listed("validate", "Check every manifest without touching a database.", "validate:command"),
        Listed("diff", "Show what an apply would change.", "diff:command"),
        Listed("apply", "Make the declared jobs, queues and nodes the live ones.", "apply:command"),
        Listed("config", "Show or check the config file.", "config:command"),
    ),
    "Running": (
        Listed("serve", "Run the jobs, watch the manifests, answer HTTP.", "serve:command"),
        Listed("trigger", "Run a job now.", "trigger:command"),
        Listed("cancel", "End a run.", "cancel:command"),
        Listed("backfill", "Make up for times of the past.", "backfill:command"),
        Listed("pause", "Stop a job from starting, until a time or until resumed.", "pauses:pause"),
        Listed("resume", "End a pause.", "pauses:resume"),
        Listed("skip", "Leave out one occurrence of a job.", "skips:skip"),
        Listed("unskip", "Take a skip back.", "skips:unskip"),
        Listed("mute", "Be told nothing of a job, until a time.", "mutes:mute"),
        Listed("unmute", "End a mute.", "mutes:unmute"),
        Listed("token", "Make, list and revoke the tokens that the server takes.", "token:command"),
    ),
    "Looking": (
        Listed("status", "Show how the runner and its jobs are.", "status:command"),
        Listed("alerts", "Show what is wrong and who was told; try a channel.", "alerts:command"),
        Listed("doctor", "Look at everything that a runner needs, and say what to do.", "doctor:command"),
        Listed("jobs", "List the jobs.", "jobs:list_jobs"),
        Listed("job", "Show one job.", "jobs:show_job"),
        Listed("runs", "List runs, newest first.", "runs:list_runs"),
        Listed("run", "Show one run.", "runs:show_run"),
        Listed("logs", "Print what a run wrote.", "logs:command"),
        Listed("history", "Show what was applied, or one apply with its changes.", "history:command"),
        Listed("audit", "Show who has done what, and what was refused.", "audit:command"),
        Listed("graph", "Show what jobs read, write and follow.", "graph:command"),
        Listed("next", "List the coming occurrences.", "next:command"),
        Listed("simulate", "Show what would run, wait, be skipped and missed.", "simulate:command"),
        Listed("why", "Say why a job ran at a time, or did not.", "why:command"),
    ),
    "Data": (
        Listed("state", "Read and write the state of scripts.", "state:command"),
        Listed("queue", "Read and work queues.", "queue:command"),
        Listed("backup", "Write all of the database into a file.", "backups:backup"),
        Listed("restore", "Put a backup in the place of the database.", "backups:restore"),
    ),
    "Shell": (
        Listed(
            "completion", "Print what bash, zsh or fish needs to complete words on Tab.", "completion:command"
        ),
    ),
}

#: The same, by name.
LISTED: Final[Mapping[str, Listed]] = {
    listed.name: listed for section in SECTIONS.values() for listed in section
}
