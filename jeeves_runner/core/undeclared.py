"""What is said of a job or queue that people ask for, and that manifests declare without its being live."""

import posixpath

from jeeves_runner.core.plan import Action, Key, Plan


def whereabouts_in(plan: Plan, key: Key) -> str | None:
    """A hint that names the manifest of a job or queue that is not live, by the look of the plan; None
    if none seems to be its own."""
    if (said := plan.invalid.get(key)) is not None:
        return said
    for change in plan.changes:
        if change.key == key and change.action is Action.CREATE:
            return waits(change.file, change.line)
    for problem in plan.problems:
        if problem.is_error and key == ("job", stem(problem.file)):
            return not_valid(problem.file, "may declare it", f"line {problem.line}: {problem.message}")
    return None


def waits(file: str, line: int) -> str:
    """Of one whose manifest is valid."""
    return f"{file}:{line} declares it, and is not applied: `jeeves-runner apply` does that"


def not_valid(file: str, has: str, why: str) -> str:
    """Of one whose manifest is not. ``has``: whether the file declares it, or may do so."""
    return f"{file} {has} and is not valid: {why}"


def stem(path: str) -> str:
    """The id that a manifest gives a job that has none."""
    return posixpath.basename(path).rpartition(".")[0]
