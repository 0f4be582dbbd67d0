"""The guide to runs that have nothing to do: its jobs, run for real."""

from pathlib import Path

import pytest
from support.docs import DOCS, blocks
from support.runs import Place, with_runner

from jeeves_runner.core.manifest.context import ProjectContext
from jeeves_runner.core.manifest.reader import ManifestReader
from jeeves_runner.core.model import JobSpec
from jeeves_runner.core.specs import job_from_text
from jeeves_runner.schemas_text import manifest_schema


def shown(root: Path, name: str) -> JobSpec:
    """A job of the guide, in this folder."""
    (text,) = (b.text for b in blocks(DOCS / "how-to/skip-runs-with-nothing-to-do.md") if name in b.info[1])
    reader = ManifestReader(manifest_schema(), ProjectContext(project_root=str(root)))
    (entry,) = reader.read(f"jobs.d/{name}.yaml", text.encode()).entries
    return job_from_text(entry.text)


@pytest.mark.parametrize(
    ("name", "skipped", "done"),
    [
        ("fetch-mail", ("skipped", "exit_code", "no new mail"), ("ok", None, "1 new\n")),
        ("sort-mail", ("skipped", "precheck", "the inbox is empty"), ("ok", None, None)),
    ],
)
def test_a_job_skips_while_its_inbox_is_empty(
    tmp_path: Path, name: str, skipped: tuple[str, str, str], done: tuple[str, None, str | None]
) -> None:
    place = Place(tmp_path)
    (tmp_path / "inbox").mkdir()
    (tmp_path / "sorted").mkdir()
    place.apply(shown(tmp_path, name))
    run = with_runner(place, lambda rig: rig.finish(name))
    assert (run.status, run.reason, run.message) == skipped
    (tmp_path / "inbox/a.eml").touch()
    run = with_runner(place, lambda rig: rig.finish(name))
    assert (run.status, run.reason, run.stdout) == done
    assert (tmp_path / "sorted/a.eml").exists() == (name == "sort-mail")


def test_the_report_rests_in_august(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.apply(shown(tmp_path, "report"))
    run = with_runner(place, lambda rig: rig.finish("report"))
    august = run.created_at.month == 8
    assert run.status == ("skipped" if august else "ok")
