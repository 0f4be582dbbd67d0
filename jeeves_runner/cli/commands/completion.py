"""``completion``: what a shell reads to complete our words when Tab is pressed."""

from typing import Final

import click

from jeeves_runner.cli import PROGRAM
from jeeves_runner.cli.context import App, pass_app

SHELLS: Final = ("bash", "zsh", "fish")

_FISH_SPLITS: Final = 'string split "," '
"""How the text that click has for fish takes kind and word apart: a word, or its note, ends at a comma."""

_FISH_SPLITS_ONCE: Final = 'string split --max 1 "," '


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@pass_app
@click.pass_context
def command(context: click.Context, app: App, shell: str) -> None:
    """Print what SHELL needs to complete commands, jobs and runs on Tab.

    Put a line into the file that your shell reads at its start:

    \b
      bash  ~/.bashrc  eval "$(jeeves-runner completion bash)"
      zsh   ~/.zshrc   eval "$(jeeves-runner completion zsh)"
      fish  ~/.config/fish/completions/jeeves-runner.fish
                       jeeves-runner completion fish | source
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None, f"click knows no {shell}"
    name = f"_{PROGRAM.replace('-', '_').upper()}_COMPLETE"
    text = kind(context.find_root().command, {}, PROGRAM, name).source()
    app.print_text(text.replace(_FISH_SPLITS, _FISH_SPLITS_ONCE))
