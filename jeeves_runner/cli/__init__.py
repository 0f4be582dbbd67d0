"""The command line. The modules in ``commands`` are loaded only when their command is asked for."""

from typing import Final

PROGRAM: Final = "jeeves-runner"
"""The name of the program, as it stands before its messages and in its help."""
