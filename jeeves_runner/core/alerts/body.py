"""The JSON that a webhook gets: all of the message, or what a template makes of it.

A template is a JSON value. Each text in it may name parts of the message: ``{"text": "{{ title }}"}``. Names
are replaced within texts alone, so whatever they stand for, the result is JSON of the template's own form.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from jeeves_runner.core.alerts.message import Message
from jeeves_runner.core.alerts.whole_text import END, ending, of_text
from jeeves_runner.core.problem import KeyPath
from jeeves_runner.core.wording import brief, known_words

MAX_TEXT: Final = 4_000
"""Characters that one name can stand for: services refuse long bodies, and the title comes first. Of an
output they are the last ones, which say how it ended."""

_NAME: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)

NAMES: Final = (
    "title",
    "text",
    "job",
    "cause",
    "said",
    "tone",
    "action",
    "severity",
    "output",
    "command",
    "link",
    "runner",
    "alert_id",
    "incident",
)
"""What a template can name of a message."""

SECRET: Final = "secrets."
"""What stands before the name of a secret of the webhook."""


def whole_body(message: Message) -> dict[str, Any]:
    """The body without a template."""
    return {
        "alert_id": message.alert_id,
        "incident": message.incident,
        "said": message.said,
        "cause": message.cause,
        "job": message.job,
        "tone": message.tone,
        "title": message.title,
        "facts": [{"name": fact.name, "value": fact.value} for fact in message.facts],
        "output": _output(message, END) or None,
        "items": list(message.items),
        "command": message.command,
        "link": message.link,
        "runner": message.runner,
    }


def body_of(template: Any, message: Message, secrets: Mapping[str, str] | None = None) -> Any:
    """What a template makes of a message and of secrets by name; unknown names stand for nothing."""
    values = _values(message) | {SECRET + name: value for name, value in (secrets or {}).items()}

    def filled(part: Any) -> Any:
        if isinstance(part, str):
            return _NAME.sub(lambda name: values.get(name[1].strip(), ""), part)
        if isinstance(part, Mapping):
            return {key: filled(value) for key, value in part.items()}
        return [filled(value) for value in part] if isinstance(part, list | tuple) else part

    return filled(template)


class TemplateFault(NamedTuple):
    """What is wrong with a template."""

    path: KeyPath
    """Where, from its top."""
    message: str
    """What, as the end of a sentence."""
    hint: str
    """What to write instead."""


def names_in(template: Any) -> Iterator[str]:
    """What the texts of a template name."""
    if isinstance(template, str):
        yield from map(str.strip, _NAME.findall(template))
    elif isinstance(template, Mapping | list | tuple):
        for part in template.values() if isinstance(template, Mapping) else template:
            yield from names_in(part)


def template_faults(
    template: Any, secrets: Iterable[str] = (), path: KeyPath = ()
) -> Iterator[TemplateFault]:
    """Each name that stands for nothing, or where no name is looked for. ``secrets`` are those it may name;
    ``path`` leads to ``template``."""
    if isinstance(template, str):
        for name in names_in(template):
            yield from _name_faults(name, secrets, path)
    elif isinstance(template, Mapping):
        for key, value in template.items():
            if _NAME.search(key):
                message = f"the key {brief(key)} names a part of a message"
                yield TemplateFault((*path, key), message, "names are replaced in values alone")
            yield from template_faults(value, secrets, (*path, key))
    elif isinstance(template, list | tuple):
        for number, value in enumerate(template):
            yield from template_faults(value, secrets, (*path, number))


def _name_faults(name: str, secrets: Iterable[str], path: KeyPath) -> Iterator[TemplateFault]:
    known = [*NAMES, *(SECRET + each for each in secrets)]
    if name.startswith(SECRET) and name not in known:
        secret, others = brief(name.removeprefix(SECRET)), tuple(secrets)
        hint = f"add it to the webhook: `secrets: {{{secret}: {{file: PATH}}}}`"
        if others:
            hint = known_words(secret, others, "secrets of the webhook")
        yield TemplateFault(path, f"there is no secret {secret}", hint)
    elif name not in known:
        message = f"no part of a message is named {brief(name) or 'nothing'}"
        yield TemplateFault(path, message, known_words(name, known, "names"))


def plain_text(message: Message, most: int = END) -> str:
    """The message without its title, as lines: for mail, and for services that show text. ``most``: of an
    output there is as much of the end as this many characters leave room for."""
    above = [*(f"{fact.name}: {fact.value}" for fact in message.facts), *message.items]
    below = [text for text in (message.command, message.link) if text]
    room = most - sum(len(line) + 1 for line in (*above, *below)) - _BREAKS
    if output := _output(message, max(_LEAST, room)):
        above += ["", output.rstrip("\n"), ""]
    return "\n".join((*above, *below)).strip("\n")


_BREAKS: Final = 10
_LEAST: Final = 500
"""Characters of an output that are shown however long the rest is."""


def _values(message: Message) -> dict[str, str]:
    found = {
        "title": message.title,
        "text": plain_text(message, MAX_TEXT),
        "job": message.job or "",
        "cause": message.cause,
        "said": message.said,
        "tone": message.tone,
        "action": "resolve" if message.tone == "good" else "trigger",
        "severity": {"bad": "error", "good": "info", "plain": "info"}[message.tone],
        "output": _output(message, MAX_TEXT),
        "command": message.command or "",
        "link": message.link or "",
        "runner": message.runner,
        "alert_id": message.alert_id,
        "incident": message.incident or message.alert_id,
    }
    return {name: _cut(value) for name, value in found.items()}


def _output(message: Message, most: int) -> str:
    """Also the end of what another channel would upload, in up to ``most`` characters."""
    if message.output:
        return message.output if len(message.output) <= most else ending(of_text(message.output), most)
    return "" if message.attachment is None else ending(message.attachment.text, most)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
