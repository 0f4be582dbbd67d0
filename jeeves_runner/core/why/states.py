"""What holds for a job, whatever was asked about it."""

from collections.abc import Iterator

from jeeves_runner.core.why.answer import About, Part
from jeeves_runner.core.why.facts import JobFacts
from jeeves_runner.core.why.words import override_words, pause_words, revision_words, told


def deleted(facts: JobFacts) -> Iterator[Part]:
    """That the job is no more, and which apply deleted it."""
    zone = facts.zone
    if facts.revision is not None and facts.deleted_at is not None:
        yield Part(
            About.STATE,
            f"The job is deleted: {revision_words(facts.revision, zone)}, did not find it in {facts.file}"
            " any more.",
        )
    elif facts.deleted_at is not None:
        yield Part(About.STATE, f"The job was deleted at {told(facts.deleted_at, zone)}.")


def damaged() -> Part:
    """That its row cannot be read."""
    return Part(
        About.STATE,
        "Its row in the database was damaged by hand: nothing of it runs until `jeeves-runner apply`"
        " heals it.",
    )


def states(facts: JobFacts) -> Iterator[Part]:
    """What holds for the job now besides, whatever was asked about."""
    zone = facts.zone
    if facts.renamed_from is not None:
        yield Part(About.STATE, f"Job {facts.renamed_from} was renamed to {facts.id}.")
    if facts.deleted_at is not None:
        return
    if facts.pause is not None:
        yield Part(About.PAUSE, pause_words(facts.pause, zone))
    if (held := facts.held) is not None:
        since = "" if held.since is None else f" since {told(held.since, zone)}"
        yield Part(
            About.HELD,
            f"It has kept the spec applied last{since}, because {held.file} is broken: {held.message};"
            " `jeeves-runner validate` shows all that is wrong.",
        )
    if facts.mute is not None:
        yield Part(About.MUTE, override_words(facts.mute, "muted", "until it is unmuted", zone))
    if facts.drifted and facts.declared is not None:
        yield Part(About.STATE, "Its row was changed by hand in the database; the next apply heals it.")
