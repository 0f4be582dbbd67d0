"""What a plan changes of the days to come, as people read it."""

from collections.abc import Callable, Iterator, Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING

from jeeves_runner.cli.formats import counted, moment

if TYPE_CHECKING:
    from jeeves_runner.views.forecast import ForecastDocument, JobForecastDocument
    from jeeves_runner.views.load import MinuteDocument

ZoneOf = Callable[[str], tzinfo]
"""The clocks on which times of a zone are shown: its own, or with ``--utc`` those of UTC."""


def by_job(forecast: "ForecastDocument", zone_of: ZoneOf) -> dict[str, list[str]]:
    """What is said of each job, by its id: its occurrences, then its nights."""
    return {
        job["job_id"]: [
            f"next 7 days: {occurrences_text(job, zone_of(job['timezone']))}",
            *(night["message"] for night in job["nights"]),
        ]
        for job in forecast["jobs"]
    }


def occurrences_text(job: "JobForecastDocument", zone: tzinfo) -> str:
    """``7 occurrences lost (first …), 7 gained (first …)``, on the job's clocks."""
    lost, gained = job["lost"], job["gained"]
    if not (lost or gained):
        return "no occurrence lost or gained"
    parts = []
    if lost:
        parts.append(f"{counted(lost, 'occurrence')} lost{_first(job['first_lost'], zone)}")
    if gained:
        noun = str(gained) if lost else counted(gained, "occurrence")
        parts.append(f"{noun} gained{_first(job['first_gained'], zone)}")
    return ", ".join(parts)


def summary_lines(forecast: "ForecastDocument", zone: tzinfo) -> Iterator[str]:
    """What is said of all jobs together, on the clocks of the zone."""
    if forecast["more"]:
        yield f"The next 7 days of {counted(forecast['more'], 'more job')} were not looked at."
    peak = forecast["peak"]
    if peak is not None:
        before, after = peak["before"], peak["after"]
        then = "as before" if before == after else f"before {_peak(before, zone)}"
        yield f"Most starts in a minute of the next 7 days: {_peak(after, zone)}, {then}."
    elif forecast["jobs"]:
        yield "The jobs have too many different schedules to say in which minute most of them start."


def _peak(peak: "MinuteDocument | None", zone: tzinfo) -> str:
    return "none" if peak is None else f"{peak['starts']} ({moment(peak['minute'], zone)})"


def _first(times: Sequence[str], zone: tzinfo) -> str:
    return f" (first {moment(times[0], zone)})" if times else ""
