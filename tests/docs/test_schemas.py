"""The schemas: their files are what they are made from, and their keys are the fields of the model."""

from pathlib import Path

import pytest
from support.schema_files import texts


@pytest.mark.parametrize(("path", "text"), [pytest.param(*item, id=item[0].name) for item in texts().items()])
def test_the_files_are_up_to_date(path: Path, text: str) -> None:
    assert path.read_text(encoding="utf-8") == text, "run `make schemas`"
