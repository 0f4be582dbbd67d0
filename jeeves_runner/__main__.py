"""The program's entry, as ``jeeves-runner`` and as ``python -m jeeves_runner``.

It imports next to nothing itself: a Ctrl-C while the program loads must be as quiet as a later one.
"""

import sys


def main() -> None:
    """Load the command line and run it."""
    try:
        from jeeves_runner.cli.main import main as command_line

        command_line()
    except KeyboardInterrupt:
        from jeeves_runner.cli import exits

        sys.exit(exits.INTERRUPTED)


if __name__ == "__main__":
    main()
