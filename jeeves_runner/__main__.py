"""The program's entry, as ``jeeves-runner`` and as ``python -m jeeves_runner``.

It imports next to nothing itself: a Ctrl-C while the program loads must be as quiet as a later one.
"""

import sys


def main() -> None:
    """Load the command line and run it."""
    try:
        code = _quickly()
        if code is None:
            from jeeves_runner.cli.main import main as command_line

            command_line()
        sys.exit(code)
    except KeyboardInterrupt:
        from jeeves_runner.cli import exits

        sys.exit(exits.INTERRUPTED)


def _quickly() -> int | None:
    """The exit code of words so simple that the command line need not be loaded; None for all others."""
    from jeeves_runner.cli.quick import carry_out

    try:
        return carry_out(sys.argv[1:])
    except Exception as error:  # noqa: BLE001 - as the command line does
        from jeeves_runner.cli.context import App
        from jeeves_runner.cli.failure import report

        return report(error, App())


if __name__ == "__main__":
    main()
