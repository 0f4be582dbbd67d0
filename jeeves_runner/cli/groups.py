"""Groups of commands that know what a mistyped name may have meant."""

from difflib import get_close_matches

import click

_LIKENESS = 0.7


class Group(click.Group):
    """A group that answers an unknown command with those of nearly that name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, known = args[0], self.list_commands(ctx)
        if name not in known and not name.startswith("-") and not ctx.resilient_parsing:
            near = get_close_matches(name, known, cutoff=_LIKENESS)
            guess = f" Did you mean {' or '.join(f'{each!r}' for each in near)}?" if near else ""
            ctx.fail(f"No such command '{name}'.{guess}")
        return super().resolve_command(ctx, args)
