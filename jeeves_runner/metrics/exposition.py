"""Metrics as the two texts that Prometheus and its kin read: its own, and OpenMetrics."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from itertools import islice
from typing import Final

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample as Line

from jeeves_runner.core.histogram import Histogram
from jeeves_runner.metrics.catalogue import Definition
from jeeves_runner.metrics.gathering import Found, OfJobs, Sample
from jeeves_runner.metrics.run_totals import JobTotals

_AT_ONCE: Final = 500
"""Samples that are written by one call of the library: some milliseconds."""

_JOBS_AT_ONCE: Final = 50
"""Jobs whose samples of one metric, a dozen at most for each, are written by one call of it."""

_OPENMETRICS: Final = "application/openmetrics-text"
_END: Final = b"# EOF\n"


class Form(Enum):
    """What is written; the value is its media type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def form_for(accept: str) -> Form:
    """What a client is answered that sends such a header ``Accept``: OpenMetrics where it is named."""
    for part in accept.split(","):
        kind, *parameters = (word.strip().lower() for word in part.split(";"))
        if kind == _OPENMETRICS and not any(_is_refusal(each) for each in parameters):
            return Form.OPENMETRICS
    return Form.TEXT


def _is_refusal(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    return name.strip() == "q" and value.strip().rstrip("0") in ("", "0.")


class KeptLines:
    """The lines of jobs, as long as their totals do not change: of ten thousand jobs few have ended a run
    since the last answer. They are the same in both texts. For one thread at a time."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], tuple[JobTotals, bytes]] = {}

    def of(self, definition: Definition, job: str, totals: JobTotals) -> bytes | None:
        """None: they have changed, or were never written."""
        kept = self._lines.get((definition.name, job))
        return None if kept is None or kept[0] is not totals else kept[1]

    def keep(self, definition: Definition, job: str, totals: JobTotals, lines: bytes) -> None:
        """These are its lines now."""
        self._lines[definition.name, job] = totals, lines


class _Family(Collector):
    """A metric, as the library asks for it."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterator[Metric]:
        yield self._metric


def written(found: Iterable[Found], form: Form, kept: KeptLines) -> Iterator[bytes]:
    """The text, part by part, with the metrics of this process at its end."""
    # Their names are plain: so they need not be looked at letter by letter.
    encode_all, _ = choose_encoder(f"{form.value}; escaping=allow-utf-8")

    def encode(metric: Metric) -> bytes:
        return encode_all(_Family(metric)).removesuffix(_END)

    for definition, all_samples in found:
        heading = encode(_metric(definition, []))
        if isinstance(all_samples, OfJobs):
            texts = _of_jobs(definition, all_samples, kept, encode)
        else:
            texts = _of_samples(definition, all_samples, encode)
        for text in filter(None, texts):
            yield heading + text
            heading = b""
    for metric in ProcessCollector(registry=None).collect():
        yield encode(metric)
    if form is Form.OPENMETRICS:
        yield _END


def _of_samples(
    definition: Definition, samples: Iterable[Sample], encode: Callable[[Metric], bytes]
) -> Iterator[bytes]:
    lines = _lines(definition, samples)
    while some := list(islice(lines, _AT_ONCE)):
        yield _without_heading(encode(_metric(definition, some)))


def _of_jobs(
    definition: Definition, samples: OfJobs, kept: KeptLines, encode: Callable[[Metric], bytes]
) -> Iterator[bytes]:
    jobs = iter(samples.totals.items())
    while some := list(islice(jobs, _JOBS_AT_ONCE)):
        changed = {job: totals for job, totals in some if kept.of(definition, job, totals) is None}
        made = {job: list(_lines(definition, samples.make(job, totals))) for job, totals in changed.items()}
        if all_made := [line for lines in made.values() for line in lines]:
            texts = iter(_without_heading(encode(_metric(definition, all_made))).split(b"\n"))
            for job, lines in made.items():
                text = b"".join(b"%b\n" % line for line in islice(texts, len(lines)))
                kept.keep(definition, job, changed[job], text)
        yield b"".join(kept.of(definition, job, totals) or b"" for job, totals in some)


def _metric(definition: Definition, lines: list[Line]) -> Metric:
    kind = definition.kind
    name = definition.name.removesuffix("_total" if kind == "counter" else "_info")
    metric = Metric(name, definition.help, kind)
    metric.samples = lines
    return metric


def _lines(definition: Definition, samples: Iterable[Sample]) -> Iterator[Line]:
    for values, value in samples:
        labels = dict(zip(definition.labels, values, strict=True))
        if isinstance(value, Histogram):
            yield from _lines_of_histogram(definition.name, labels, value)
        else:
            yield Line(definition.name, labels, value)


def _lines_of_histogram(name: str, labels: Mapping[str, str], histogram: Histogram) -> Iterator[Line]:
    counts = histogram.up_to()
    for bound, count in zip([*map(str, histogram.bounds), "+Inf"], counts, strict=True):
        yield Line(f"{name}_bucket", {**labels, "le": bound}, count)
    yield Line(f"{name}_sum", dict(labels), histogram.total)
    yield Line(f"{name}_count", dict(labels), counts[-1])


def _without_heading(text: bytes) -> bytes:
    while text.startswith(b"# "):
        text = text.partition(b"\n")[2]
    return text
