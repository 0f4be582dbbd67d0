"""Metrics as the two texts that Prometheus and its kin read: its own, and OpenMetrics."""

from collections.abc import Iterable, Iterator, Mapping
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
from jeeves_runner.metrics.gathering import Found, Sample

_AT_ONCE: Final = 500
"""Samples that are written by one call of the library: some milliseconds."""

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


class _Portion(Collector):
    """A metric, as the library asks for it."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterator[Metric]:
        yield self._metric


def written(found: Iterable[Found], form: Form) -> Iterator[bytes]:
    """The text, part by part, with the metrics of this process at its end."""
    # Their names are plain: so they need not be looked at letter by letter.
    encode, _ = choose_encoder(f"{form.value}; escaping=allow-utf-8")
    for definition, samples in found:
        lines = _lines(definition, samples)
        heading = True
        while portion := list(islice(lines, _AT_ONCE)):
            text = encode(_Portion(_metric(definition, portion))).removesuffix(_END)
            yield text if heading else _without_heading(text)
            heading = False
    for metric in ProcessCollector(registry=None).collect():
        yield encode(_Portion(metric)).removesuffix(_END)
    if form is Form.OPENMETRICS:
        yield _END


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
