"""The config of a folder: read from a text, or refused with its mistake."""

from pathlib import Path

import pytest

from jeeves_runner.config import Config, load_config
from jeeves_runner.errors import ConfigError


def config_of(folder: Path, text: str) -> Config:
    """The config that the folder has with this text in its file."""
    (folder / "jeeves-runner.yaml").write_text(text)
    return load_config(folder, None)


def assert_refused(folder: Path, text: str, place: str, message: str, hint: str) -> str:
    """The text is refused for what stands at this place, ``LINE:COLUMN``, and what is said of it has these
    parts. All that is said."""
    with pytest.raises(ConfigError) as caught:
        config_of(folder, text)
    assert str(caught.value).startswith(f"{folder / 'jeeves-runner.yaml'}:{place}: ")
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
    return f"{caught.value.message} {caught.value.hint}"
