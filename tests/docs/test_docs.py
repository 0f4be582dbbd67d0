"""The documentation as a whole: its links lead somewhere, its examples are valid, its guides are short."""

import re
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import click
import pytest
from support.docs import (
    DOCS,
    PAGES,
    ROOT,
    Block,
    anchors,
    blocks,
    code,
    links,
    name_of,
    prose,
)

from jeeves_runner.cli.main import main
from jeeves_runner.config import load_config
from jeeves_runner.core.alerts.channels import Channels
from jeeves_runner.core.manifest.context import ProjectContext
from jeeves_runner.core.manifest.reader import ManifestReader
from jeeves_runner.core.manifest.yaml_text import load
from jeeves_runner.db.connection import connect
from jeeves_runner.schemas_text import manifest_schema

# Links


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in links(page):
        if "://" in target:
            continue
        path, _, fragment = target.partition("#")
        found = page if not path else (page.parent / path).resolve()
        assert found.exists(), f"{target} is not there"
        assert not fragment or fragment in anchors(found), f"{target}: there is no such heading"


def test_every_page_is_in_the_index() -> None:
    index = DOCS / "README.md"
    listed = {(index.parent / target.partition("#")[0]).resolve() for target in links(index)}
    missing = [
        name_of(page)
        for page in PAGES
        if page.is_relative_to(DOCS) and page != index and not listed & {page, page.parent}
    ]
    assert missing == []


# YAML blocks

YAML: Final = [block for page in PAGES for block in blocks(page) if block.info[:1] == ("yaml",)]
KINDS: Final = {"manifest", "defaults", "config", "broken", "other"}


def _kind(block: Block) -> str:
    """``yaml`` alone, or with a file's name, is a manifest."""
    return block.info[1] if len(block.info) > 1 and block.info[1] in KINDS else "manifest"


def _of_kind(kind: str) -> list[Any]:
    return [pytest.param(block, id=str(block)) for block in YAML if _kind(block) == kind]


@pytest.fixture(scope="module")
def reader() -> ManifestReader:
    context = ProjectContext(
        project_root="/project",
        pools=frozenset({"database"}),
        has_gateway=True,
        channels=Channels(slack=True, email=True),
    )
    return ManifestReader(manifest_schema(), context)


def _errors_of(reader: ManifestReader, block: Block) -> list[str]:
    result = reader.read("jobs.d/example.yaml", block.text.encode())
    return [str(problem) for problem in result.problems if problem.is_error]


@pytest.mark.parametrize("block", _of_kind("manifest"))
def test_manifests_are_valid_and_set_a_timeout(reader: ManifestReader, block: Block) -> None:
    result = reader.read("jobs.d/example.yaml", block.text.encode())
    assert [str(problem) for problem in result.problems] == []
    assert result.entries


@pytest.mark.parametrize("block", _of_kind("broken"))
def test_manifests_shown_as_broken_are(reader: ManifestReader, block: Block) -> None:
    assert _errors_of(reader, block)


@pytest.mark.parametrize("block", _of_kind("defaults"))
def test_defaults_are_valid(reader: ManifestReader, block: Block) -> None:
    layer, problems = reader.read_defaults("jobs.d/_defaults.yaml", block.text.encode())
    assert layer is not None
    assert problems == []


@pytest.mark.parametrize("block", _of_kind("config"))
def test_configs_are_valid(tmp_path: Path, block: Block) -> None:
    path = tmp_path / "jeeves-runner.yaml"
    path.write_text(block.text)
    assert load_config(tmp_path, None).path == path


@pytest.mark.parametrize("block", _of_kind("other"))
def test_other_yaml_can_be_read(block: Block) -> None:
    assert load(block.text).value


def test_no_kind_of_block_is_unused() -> None:
    assert {_kind(block) for block in YAML} == KINDS


# Python blocks


def test_the_examples_of_scripts_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(connect(tmp_path / "runner.sqlite", create=True)):
        monkeypatch.setenv("JR_DB_PATH", str(tmp_path / "runner.sqlite"))
        monkeypatch.setenv("JR_NAMESPACE", "example")
        names: dict[str, object] = {}
        for _ in range(2):
            for block in blocks(DOCS / "how-to/write-a-script-with-state.md"):
                if block.info == ("python",):
                    exec(compile(block.text, str(block), "exec"), names)
    assert capsys.readouterr().out.splitlines() == [
        "new: m1",
        "new: m2",
        "sending to a@example.org",
        "sending to a@example.org",
    ]


# Taste


@pytest.mark.parametrize("page", [page for page in PAGES if "how-to" in page.parts], ids=name_of)
def test_guides_are_short(page: Path) -> None:
    assert len(page.read_text(encoding="utf-8").splitlines()) <= 90


def test_the_modules_named_in_prose_exist() -> None:
    package = ROOT / "jeeves_runner"
    rooms = {path.name for path in package.iterdir()}
    for page in PAGES:
        for text in code(prose(page.read_text(encoding="utf-8"))):
            if "/" in text and text.partition("/")[0] in rooms:
                found = [path for path in (package / text, package / f"{text}.py") if path.exists()]
                assert found, f"{name_of(page)}: {text}"


def test_the_names_of_commands_in_prose_exist() -> None:
    words = set(main.list_commands(click.Context(main)))
    for page in PAGES:
        for text in code(prose(page.read_text(encoding="utf-8"))):
            called = re.match(r"jeeves-runner ([a-z][a-z-]*)", text)
            assert called is None or called[1] in words, f"{name_of(page)}: {text}"
