"""The page with pictures of messages: its blocks ``text message NAME`` show the facts of ``support.told``."""

import re

from support.docs import DOCS
from support.message_pictures import picture
from support.told import message

from jeeves_runner.notify.slack_blocks import render

PAGE = DOCS / "explanation/alerts.md"
_BLOCK = re.compile(r"^```text message (\w+)\n.*?^```$", re.MULTILINE | re.DOTALL)


def renewed(text: str) -> str:
    """The page with its pictures as they are now."""
    return _BLOCK.sub(lambda found: f"```text message {found[1]}\n{_of(found[1])}```", text)


def _of(name: str) -> str:
    return picture(render(message(name)).blocks)


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
