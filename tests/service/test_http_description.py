"""The server keeps to the description of its API, for callers of all kinds and whatever they ask: see
``support/http_world.py``.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.http_world import Summary, attack, attacked, token, token_of_run
from support.server import Server

SHORT = ("--seed", "1", "--generation-deterministic", "--max-examples", "20")
"""The same requests each time; the campaign makes up others."""

BRIEF = ("--phases", "examples,coverage")
"""Those at the edges of what is described alone."""

pytestmark = [pytest.mark.http, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with attacked(tmp_path_factory.mktemp("http")) as server:
        yield server


def hold(server: Server, summary: Summary) -> None:
    """Nothing was found, and the server is well."""
    print(summary.output.partition("= SUMMARY =")[2])
    assert summary.exit_code == 0, summary.output
    assert server.get("/healthz") == {"status": "ok"}
    log = server.log.read_text()
    assert "Traceback" not in log, log


def test_requests_without_a_token_meet_what_is_described(server: Server) -> None:
    hold(server, attack(server, *SHORT))


def test_those_with_a_token_that_operates_do_too(server: Server) -> None:
    hold(server, attack(server, *SHORT, *BRIEF, bearer=token(server.root, "ops", "operate")))


def test_so_do_those_with_one_that_reads(server: Server) -> None:
    hold(server, attack(server, *SHORT, *BRIEF, bearer=token(server.root, "eyes", "read")))


def test_so_do_scripts_with_the_token_of_their_run(server: Server) -> None:
    hold(server, attack(server, *SHORT, *BRIEF, bearer=token_of_run(server)))


@pytest.mark.campaign
@pytest.mark.timeout(7200)
def test_a_long_campaign_finds_nothing_either(tmp_path: Path) -> None:
    with attacked(tmp_path) as server:
        hold(server, attack(server, "--max-examples", "1000", "--max-time", "3600"))
