"""A round of the chaos campaign: a story that follows from its seed, and what came of it."""

import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from support import chaos_attacks, chaos_files, chaos_usual
from support.chaos_promises import in_step, kept, outcomes_of, settled
from support.chaos_world import World, world

Attack = Callable[[World, Random], AbstractContextManager[bool]]

HOSTILE: Final[tuple[Attack, ...]] = (
    chaos_attacks.server_killed,
    chaos_attacks.starter_killed,
    chaos_attacks.planner_killed,
    chaos_attacks.planner_stopped,
    chaos_attacks.few_processes,
    chaos_attacks.few_descriptors,
    chaos_attacks.stranger_like_a_run,
    chaos_attacks.signals_without_an_end,
    chaos_attacks.stopped_by_signal,
    chaos_attacks.database_locked,
    chaos_attacks.wal_deleted,
    chaos_attacks.shm_deleted,
    chaos_attacks.disk_full,
    chaos_files.manifest_is_a_pipe,
    chaos_files.script_is_a_pipe,
    chaos_files.logs_are_pipes,
    chaos_files.own_log_is_a_pipe,
    chaos_files.manifest_added,
    chaos_files.manifest_edited,
    chaos_files.manifest_broken,
    chaos_files.manifest_deleted,
)
USUAL: Final[tuple[Attack, ...]] = (
    chaos_usual.triggered_by_http,
    chaos_usual.triggered_by_command,
    chaos_usual.cancelled,
    chaos_usual.paused,
    chaos_usual.queued_by_command,
)

EXCUSING: Final = frozenset({"database_locked", "disk_full", "own_log_is_a_pipe"})
"""While one of these lasts, a server may say why it cannot start, or wait."""

_TO_THE_END: Final = 99


class Act(NamedTuple):
    """One step of a story."""

    attack: Attack
    seed: int
    """Of what the attack leaves to chance."""
    lasts: int
    """It is over after so many further acts."""
    lines: int
    """Before the next act the scripts write so many lines to the ledger, if they do so in a second."""
    starts: bool
    """Whether a server is started first, if none is there."""

    def __str__(self) -> str:
        return f"{self.attack.__name__}({self.seed}), lasts {self.lasts}"


class Figures(NamedTuple):
    """What has happened in a round, or in several."""

    counts: "Counter[str]"
    longest_stop: float
    """Seconds."""


class Story(NamedTuple):
    """What follows from a seed."""

    acts: list[Act]
    stops_under_attack: bool
    """Whether the server is stopped before the attacks that last are over; else it must recover from them."""


def story_of(seed: int) -> Story:
    """Two acts of three are attacks, the others what people usually do."""
    draw = Random(seed)
    acts = [
        Act(
            attack=draw.choice(draw.choice((HOSTILE, HOSTILE, USUAL))),
            seed=draw.randrange(1000),
            lasts=draw.choice((0, 1, 2, 3, _TO_THE_END)),
            lines=draw.randrange(8),
            starts=draw.random() < 0.7,
        )
        for _ in range(draw.randint(10, 16))
    ]
    return Story(acts, stops_under_attack=draw.random() < 0.5)


def play(seed: int, root: Path) -> Figures:
    """Play the round in a new folder. AssertionError with seed and story when a promise is broken."""
    with world(root) as made:
        try:
            _play(story_of(seed), made)
        except Exception as error:
            with suppress(shutil.Error):  # what goes away meanwhile
                shutil.copytree(made.disk, root / "disk-when-it-failed", ignore=_no_files)
            told = "\n".join(made.story)
            raise AssertionError(
                f"seed {seed} (play it again: make chaos CHAOS_SEED={seed}), in {root}\n{told}\n{error!r}"
            ) from error
        return Figures(made.figures, made.longest_stop)


def _no_files(folder: str, names: list[str]) -> list[str]:
    """What cannot be copied: pipes and sockets; and what only takes up room."""
    return [
        name
        for name in names
        if name == "filler" or not (Path(folder, name).is_file() or Path(folder, name).is_dir())
    ]


def _play(story: Story, made: World) -> None:
    made.start()
    with ExitStack() as rest:
        _attack(story.acts, made, rest)
        if story.stops_under_attack:
            made.stop()
    made.note("the attacks are over")
    made.excuses.clear()
    made.start()
    settled(made)
    final = outcomes_of(made)
    made.stop()
    made.start()
    in_step(made)
    made.stop()
    kept(made, final)


def _attack(acts: list[Act], made: World, rest: ExitStack) -> None:
    """Play the acts. What lasts longer is over with ``rest``."""
    on: list[tuple[int, Act, ExitStack]] = []
    for number, act in enumerate(acts):
        if act.starts:
            made.start()
        stack = rest.enter_context(ExitStack())
        on.append((number + act.lasts, act, stack))
        _begin(act, made, stack)
        made.let_work(act.lines)
        for over in [one for one in on if one[0] <= number]:
            on.remove(over)
            _end(over[1], made, over[2])
        made.see_ends()


def _begin(act: Act, made: World, stack: ExitStack) -> None:
    name = act.attack.__name__
    if is_made := stack.enter_context(act.attack(made, Random(act.seed))):
        made.figures[name] += 1
    made.note(f"{act}{'' if is_made else ': not possible now'}")
    if is_made and name in EXCUSING:
        made.excuses.add(name)


def _end(act: Act, made: World, stack: ExitStack) -> None:
    stack.close()
    if act.lasts:
        made.note(f"end of {act}")
    made.excuses.discard(act.attack.__name__)
