"""What starts a job besides its schedule and people, in words that follow "it starts"."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

_FEW: Final = 5
"""Jobs, or patterns of files, that are named; of further ones, how many there are."""


def start_words(spec: Mapping[str, object]) -> list[str]:
    """``after fetch, load``, ``by items of queue mail``, ``when data/in/*.csv changes``, ``when a server
    starts``, of the JSON values ``after``, ``on_queue``, ``on_change`` and ``on_start`` of a spec.

    What has not the form of a spec, because it was changed by hand, is left out.
    """
    return list(_words(spec))


def _words(spec: Mapping[str, object]) -> Iterator[str]:
    if jobs := _texts(spec, "after", "jobs"):
        yield f"after {_listed(jobs)}"
    match spec.get("on_queue"):
        case {"queue": str(queue)}:
            yield f"by items of queue {queue}"
    if files := _texts(spec, "on_change", "of"):
        yield f"when {_listed(files)} {'changes' if len(files) == 1 else 'change'}"
    if spec.get("on_start") is True:
        yield "when a server starts"


def _texts(spec: Mapping[str, object], name: str, part: str) -> Sequence[str]:
    whole = spec.get(name)
    texts = whole.get(part) if isinstance(whole, dict) else None
    return [text for text in texts if isinstance(text, str)] if isinstance(texts, list) else ()


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return f"{', '.join(names[:_FEW])}{more}"
