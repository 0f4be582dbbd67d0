"""What starts a job besides its schedule and people, in words that follow "it starts"."""

from collections.abc import Iterator, Mapping, Sequence

from jeeves_runner.core.wording import first_few


def start_words(spec: Mapping[str, object]) -> list[str]:
    """``after fetch, load``, ``by items of queue mail``, ``when data/in/*.csv changes``, ``when a server
    starts``, of the JSON values ``after``, ``on_queue``, ``on_change`` and ``on_start`` of a spec.

    What has not the form of a spec, because it was changed by hand, is left out.
    """
    return list(_words(spec))


def _words(spec: Mapping[str, object]) -> Iterator[str]:
    if jobs := _texts(spec, "after", "jobs"):
        yield f"after {first_few(jobs)}"
    match spec.get("on_queue"):
        case {"queue": str(queue)}:
            yield f"by items of queue {queue}"
    if files := _texts(spec, "on_change", "of"):
        yield f"when {first_few(files)} {'changes' if len(files) == 1 else 'change'}"
    if spec.get("on_start") is True:
        yield "when a server starts"


def _texts(spec: Mapping[str, object], name: str, part: str) -> Sequence[str]:
    whole = spec.get(name)
    texts = whole.get(part) if isinstance(whole, dict) else None
    return [text for text in texts if isinstance(text, str)] if isinstance(texts, list) else ()
