"""Kinds of words on the command line that several commands take."""

from typing import Any, Final

import click


class Number(click.IntRange):
    """A whole number of a range, refused in the words of what it stands for."""

    def __init__(self, what: str, minimum: int, maximum: int) -> None:
        super().__init__(minimum, maximum)
        self.what = what

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is not {self.what}.", param, ctx)


def at_most(maximum: int) -> Number:
    """How many of something: from one on."""
    return Number(f"a number from 1 to {maximum}", 1, maximum)


DELETES: Final = Number("a number of deletes", 0, 2**31 - 1)
RUN_ID: Final = Number("the number of a run", 1, 2**63 - 1)
ITEM_ID: Final = Number("the number of an item", 1, 2**63 - 1)
