"""What the page of a run says how to get the same again: it does, and what it cannot is said."""

import asyncio
import html
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.api import Api, with_api
from support.ledger import Ledger
from support.pages import Page, page

from jeeves_runner.core.model import Param, Precheck, Secret, SourceType


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "runner.sqlite")


def command(shown: Page, name: str) -> str | None:
    found = re.search(rf'<pre id="{name}"[^>]*>(.*?)</pre>', shown.html, re.DOTALL)
    return None if found is None else html.unescape(found[1])


TELL = 'printf "%s|" "$0" "$@" "$PWD" "$MODE" "$JR_JOB_ID" "$JR_PARAM_DAY" "$JR_TRIGGER"'
PYTHON = """#!/usr/bin/env python3
import os, sys
print(sys.argv[1:], os.environ['MODE'], 'it"s')
END_OF_SCRIPT = 1
"""

SCRIPTS: dict[str, dict[str, Any]] = {
    "a line": {"source_type": SourceType.INLINE, "script": TELL},
    "lines with quotes": {"source_type": SourceType.INLINE, "script": f'echo \'a "b"\'\nx="it\'s"\n{TELL}\n'},
    "an interpreter": {"source_type": SourceType.INLINE, "script": PYTHON},
    "a file": {"source_type": SourceType.PATH, "script": "tell it.sh"},
    "a command": {"source_type": SourceType.COMMAND, "script": '["printf", "%s, ", "a b", "$x"]'},
}


@pytest.mark.parametrize("how", SCRIPTS)
def test_by_hand_the_same_is_done(ledger: Ledger, tmp_path: Path, how: str) -> None:
    (tmp_path / "tell it.sh").write_text(TELL)
    fields = dict(SCRIPTS[how])
    if fields["source_type"] is SourceType.PATH:
        fields["script"] = str(tmp_path / fields["script"])
    folder = tmp_path / "a folder"
    folder.mkdir()
    day = Param(name="day", default="mon day")
    ledger.add_job(
        "tell", cwd=str(folder), args=("one", "t'wo"), env=(("MODE", "f$st"),), params=(day,), **fields
    )

    async def scenario(api: Api) -> None:
        run = (await api.post("/jobs/tell/run")).body["result"]
        assert run["status"] == "ok", run
        by_hand = command(await page(api, f"/runs/{run['id']}"), "by-hand")
        assert by_hand is not None
        done = await asyncio.to_thread(
            subprocess.run, ["bash"], input=by_hand, capture_output=True, text=True, check=True
        )
        assert done.stdout == run["stdout"]

    with_api(ledger, scenario)


def test_secrets_are_left_out_and_named(ledger: Ledger, tmp_path: Path) -> None:
    hidden = Param(name="api-key", secret=True)
    env = (("TOKEN", Secret("from_env", "SHOP_TOKEN")), ("PASSWORD", Secret("file", "secrets/pass word")))
    ledger.add_job("pay", source_type=SourceType.INLINE, script="true", params=(hidden,), env=env)
    run = ledger.add_run("pay", params='{"api-key": null}')

    async def scenario(api: Api) -> None:
        shown = await page(api, f"/runs/{run}")
        assert command(shown, "by-trigger") == "jeeves-runner trigger pay --param-file api-key=-"
        by_hand = command(shown, "by-hand") or ""
        assert "export JR_PARAM_API_KEY=  # secret: not kept\n" in by_hand
        assert 'export TOKEN="$SHOP_TOKEN"\n' in by_hand
        assert f"export PASSWORD=\"$(cat '{tmp_path}/secrets/pass word')\"\n" in by_hand
        assert "Secret and not kept, so to be given anew: api-key." in shown.text
        assert "secret, of the variable SHOP_TOKEN" in shown.text

    with_api(ledger, scenario)


def test_what_is_another_now_is_said(ledger: Ledger, tmp_path: Path) -> None:
    script = tmp_path / "work.sh"
    script.write_text("echo done\n")
    ledger.add_job("work", script=str(script), precheck=Precheck(run="true"))
    run = ledger.add_run("work", spec_hash="0" * 32, script_hash="1" * 32, trigger="schedule")
    ledger.add_job("gone", source_type=SourceType.INLINE, script="true")
    of_gone = ledger.add_run("gone")
    ledger.delete_job("gone")
    ledger.add_job("lost", script=str(tmp_path / "lost.sh"))
    of_lost = ledger.add_run("lost")

    async def scenario(api: Api) -> None:
        shown = (await page(api, f"/runs/{run}")).text
        assert "The job has been changed since, by revision 1 at last" in shown
        assert "The script has been changed since" in shown
        assert "Its precheck comes first with trigger, and not by hand." in shown
        deleted = await page(api, f"/runs/{of_gone}")
        assert "The job has been deleted: this is how it was declared last." in deleted.text
        assert command(deleted, "by-trigger") is None
        lost = await page(api, f"/runs/{of_lost}")
        assert "By hand it cannot be done now: the script does not exist" in lost.text
        assert command(lost, "by-hand") is None

    with_api(ledger, scenario)
