"""The pictures of the dashboard in the documentation, which ``make screenshots`` takes: the shop of
``support.dashboard_world`` at work, in headless Chromium. They are of the day on which they were taken."""

import tempfile
from pathlib import Path
from typing import NamedTuple

from support.browser import Viewer, browsing
from support.dashboard_world import make
from support.server import Server, serving, until

FOLDER = Path(__file__).parents[2] / "docs" / "images"

LARGEST = 200_000
"""Bytes of one, at most: they are part of the repository."""

AT_WORK = ("load-warehouse", "backup", "crawl-prices", "publish")
"""Jobs that are started, so that something runs."""


class Picture(NamedTuple):
    """A page that is shown."""

    name: str
    """The file's name is ``dashboard-NAME.png``."""
    path: str
    """The page; ``{run}`` is the newest run of the job that fails."""
    dark: bool = False
    """Whether it is shown in the dark."""


PICTURES = (
    Picture("overview", "/"),
    Picture("jobs", "/jobs"),
    Picture("run", "/runs/{run}", dark=True),
    Picture("timeline", "/timeline"),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, serving(make(Path(folder) / "shop")) as server:
        for job in AT_WORK:
            server.post(f"/jobs/{job}/run?wait=0s")
        until(lambda: len(server.get("/runs?status=running")["runs"]) >= len(AT_WORK))
        with browsing() as browser:
            for picture in PICTURES:
                viewer = Viewer(browser, server.url, zone="Europe/Berlin", dark=picture.dark)
                _take(viewer, server, picture)
                viewer.close()


def _take(viewer: Viewer, server: Server, picture: Picture) -> None:
    run = server.get("/runs?job=export-crm&limit=1")["runs"][0]["id"]
    page = viewer.open(picture.path.format(run=run))
    page.wait_for_timeout(1000)  # what scripts draw has no end of its own
    file = FOLDER / f"dashboard-{picture.name}.png"
    page.screenshot(path=file, clip={"x": 0, "y": 0, "width": 1280, "height": 800})
    size = file.stat().st_size
    assert size <= LARGEST, f"{file} has {size:,} bytes"
    print(f"{file.name}: {size:,} bytes")


if __name__ == "__main__":
    main()
