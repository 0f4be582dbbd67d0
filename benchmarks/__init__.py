"""What is beyond this machine is doubled as it is for tests: their ``support`` can be imported here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
