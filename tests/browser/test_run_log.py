"""The log of a run in a browser: it grows, is searched, and is shown as text whatever is in it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest
from playwright.sync_api import Locator, Page, expect
from support.browser import Viewer, findings
from support.server import Server, save, serving, until

pytestmark = pytest.mark.browser

Look = Callable[..., Viewer]

FEED = "run: cat feed\ntimeout: 10m\nkill_grace: 1s\noverlap_policy: queue\n"
"""It writes what a test writes into ``feed``."""
MANY = 200_000
COUNTED = "document.querySelectorAll('.log-line').length"
HEAP = 200e6
"""Bytes of JavaScript that the page of a log of so many lines may take."""


def declare(server: Server, root: Path, job: str, manifest: str) -> None:
    """A job that the server knows."""
    save(root, f"{job}.yaml", manifest)
    until(lambda: server.job(job))


@contextmanager
def feeding(root: Path, server: Server) -> Iterator[tuple[int, TextIO]]:
    """A run, and what it writes; it ends with the block."""
    os.mkfifo(root / "feed")
    declare(server, root, "feed", FEED)
    run = server.post("/jobs/feed/run?wait=0s")[1]["run"]["id"]
    with (root / "feed").open("w") as feed:
        yield run, feed


def lines(page: Page) -> Locator:
    return page.locator(".log-line")


def line(page: Page, number: int) -> Locator:
    return page.locator(f'.log-line:has(a[href="#L{number}"]) .log-text')


def ran(server: Server, root: Path, script: str) -> int:
    """A run of a shell script that has ended."""
    (root / "script.sh").write_text(script)
    declare(server, root, "script", "script: script.sh\ntimeout: 5m\n")
    run: int = server.post("/jobs/script/run")[1]["result"]["id"]
    return run


def test_it_follows_what_is_written_until_one_scrolls_up(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server, feeding(tmp_path, server) as (run, feed):
        page = look(server.url).open(f"/runs/{run}")
        expect(page.get_by_text("Nothing is written yet.")).to_be_visible()
        print("begins", file=feed, flush=True)
        expect(line(page, 1)).to_have_text("begins")
        for number in range(2, 500):
            print(f"line {number}", file=feed, flush=True)
        expect(line(page, 499)).to_be_in_viewport()
        following = page.get_by_role("button", name="Follow")
        expect(following).to_have_attribute("aria-pressed", "true")
        page.locator(".log-box").hover()
        page.mouse.wheel(0, -4000)
        expect(following).to_have_attribute("aria-pressed", "false")
        place = page.locator(".log-box").evaluate("box => box.scrollTop")
        print("one more\nand another", file=feed, flush=True)
        expect(page.get_by_text("↓ 2 new lines")).to_be_visible()
        assert page.locator(".log-box").evaluate("box => box.scrollTop") == place
        page.get_by_text("↓ 2 new lines").click()
        expect(line(page, 501)).to_be_in_viewport()
        expect(following).to_have_attribute("aria-pressed", "true")
        feed.close()
        expect(page.locator(".facts")).to_contain_text("ok")
        expect(following).to_be_hidden()


def test_the_log_of_a_run_that_waits_appears_once_it_has_started(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        with feeding(tmp_path, server) as (first, _):
            waiting = server.post("/jobs/feed/run?wait=0s")[1]["run"]["id"]
            page = look(server.url).open(f"/runs/{waiting}")
            expect(page.get_by_text("It has not started, so it has written nothing.")).to_be_visible()
        until(lambda: server.get(f"/runs/{first}")["run"]["finished_at"])
        with (tmp_path / "feed").open("w") as feed:
            print("hello", file=feed, flush=True)
            expect(line(page, 1)).to_have_text("hello")


def test_it_goes_on_where_it_was_once_the_server_is_back(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        declare(server, tmp_path, "hold", "run: |\n  echo first\n  exec sleep 300\ntimeout: 10m\n")
        port = server.url.rpartition(":")[2]
        (tmp_path / "jeeves-runner.yaml").write_text(f"port: {port}\nshutdown_grace: 1s\n")
        run = server.post("/jobs/hold/run?wait=0s")[1]["run"]["id"]
        page = look(server.url).open(f"/runs/{run}")
        expect(line(page, 1)).to_have_text("first")
    expect(page.get_by_text("reconnecting…", exact=True)).to_be_visible()
    with serving(tmp_path):
        expect(page.locator(".facts")).to_contain_text("interrupted")
        expect(page.get_by_text("reconnecting…", exact=True)).to_be_hidden()
        expect(lines(page)).to_have_count(1)


HOSTILE = """printf '<script>document.title = "taken"</script></pre><img src=x onerror=alert(1)>\\n'
printf '\\033[31mred \\033[1mbold\\033[22m \\033[38;5;208morange\\033[0m plain \\033[4munder\\n'
printf 'still under\\033[0m\\033[2K\\007 \\033]0;title\\007\\n'
printf '\\342\\200\\256turned\\n'
printf '1%%\\r50%%\\r100%%\\n'
printf '\\033[48;2;1;2;3mground\\033[0m\\n\\na\\tb\\n'
"""


def test_whatever_is_written_is_shown_as_text(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        page = look(server.url).open(f"/runs/{ran(server, tmp_path, HOSTILE)}")
        expect(line(page, 1)).to_have_text(
            '<script>document.title = "taken"</script></pre><img src=x onerror=alert(1)>'
        )
        expect(line(page, 2)).to_have_text("red bold orange plain under")
        expect(line(page, 2).locator(".fg-1.s-bold")).to_have_text("bold")
        expect(line(page, 2).locator(".fg-any")).to_have_text("orange")
        assert line(page, 2).locator(".fg-any").evaluate("each => each.style.getPropertyValue('--fg')") == (
            "#ff8700"
        )
        expect(line(page, 3).locator(".s-under")).to_have_text("still under")
        expect(line(page, 3)).to_have_text("still under␇")
        expect(line(page, 4)).to_have_text("U+202Eturned")
        expect(line(page, 5)).to_have_text("↺ 2100%")
        page.get_by_role("button", name="↺ 2").click()
        expect(line(page, 5)).to_have_text("1%␍50%␍100%")
        expect(line(page, 6).locator(".bg-any")).to_have_text("ground")
        assert line(page, 8).evaluate("each => each.textContent") == "a       b"
        assert "taken" not in page.title()
        assert page.locator("img").count() == 0


def test_two_hundred_thousand_lines_scroll_and_are_searched(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        script = f"seq -f 'the line %.0f of a log of usual length' {MANY}\n"
        run = ran(server, tmp_path, script)
        viewer = look(server.url)
        page = viewer.open(f"/runs/{run}#L123456")
        expect(line(page, 123456)).to_be_in_viewport()
        expect(page.locator(".log-chosen")).to_have_text("123456the line 123456 of a log of usual length")
        assert lines(page).count() < 150
        page.locator(".log-box").evaluate("box => box.scrollTop = box.scrollHeight")
        expect(line(page, MANY)).to_be_in_viewport()
        session = viewer.context.new_cdp_session(page)
        session.send("Performance.enable")
        found = session.send("Performance.getMetrics")["metrics"]
        assert next(each["value"] for each in found if each["name"] == "JSHeapUsedSize") < HEAP
        page.keyboard.press("/")
        page.keyboard.type("LINE 777 ")
        expect(page.locator(".log-count")).to_have_text("1 of 1")
        expect(line(page, 777)).to_be_in_viewport()
        expect(line(page, 777).locator("mark.here")).to_have_text("line 777 ")
        page.get_by_label("Search the log").fill("line 99999")
        expect(page.locator(".log-count")).to_have_text("1 of 1")
        expect(line(page, 99999)).to_be_in_viewport()
        # Enter comes while they are still looked for.
        page.get_by_label("Search the log").evaluate(
            """(field) => {
              field.value = "line 188888";
              field.dispatchEvent(new Event("input"));
              field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", cancelable: true }));
            }"""
        )
        expect(page.locator(".log-count")).to_have_text("1 of 1")
        expect(line(page, 188888)).to_be_in_viewport()


def test_matches_are_gone_through_by_keys(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        run = ran(server, tmp_path, "seq 1 3000 | sed 's/00$/00 \\o33[31mer\\o33[0mror/'\n")
        page = look(server.url).open(f"/runs/{run}")
        page.get_by_label("Search the log").fill("ERROR")
        expect(page.locator(".log-count")).to_have_text("1 of 30")
        expect(line(page, 100).locator("mark")).to_have_text(["er", "ror"])
        page.keyboard.press("Enter")
        expect(page.locator(".log-count")).to_have_text("2 of 30")
        page.keyboard.press("Escape")
        page.keyboard.press("n")
        expect(page.locator(".log-count")).to_have_text("3 of 30")
        expect(line(page, 300)).to_be_in_viewport()
        page.keyboard.press("Shift+N")
        page.keyboard.press("Shift+N")
        page.keyboard.press("Shift+N")
        expect(page.locator(".log-count")).to_have_text("30 of 30")
        expect(line(page, 3000)).to_be_in_viewport()


def test_long_lines_are_broken_where_one_wants_it(tmp_path: Path, look: Look) -> None:
    script = "for i in $(seq 1 300); do printf 'äöü %0600d\\n' $i; done\nprintf '%09000d\\n' 7\n"
    with serving(tmp_path) as server:
        page = look(server.url).open(f"/runs/{ran(server, tmp_path, script)}")
        box = page.locator(".log-box")
        assert box.evaluate("box => box.scrollWidth > 2 * box.clientWidth")
        page.get_by_role("button", name="Wrap").click()
        assert box.evaluate("box => box.scrollWidth === box.clientWidth")
        box.evaluate("box => box.scrollTop = box.scrollHeight")
        expect(line(page, 301)).to_be_in_viewport()
        page.get_by_role("button", name="5,000 more characters").click()
        expect(line(page, 301)).to_contain_text("0007")
        page.reload()
        expect(page.get_by_role("button", name="Wrap")).to_have_attribute("aria-pressed", "true")


def test_what_is_cut_in_the_middle_is_said(tmp_path: Path, look: Look) -> None:
    (tmp_path / "jeeves-runner.yaml").write_text("port: 0\nlog_max_size: 10KiB\n")
    with serving(tmp_path) as server:
        page = look(server.url).open(f"/runs/{ran(server, tmp_path, 'seq 1 9000')}")
        expect(page.locator(".log-line").first).to_be_visible()
        page.get_by_label("Search the log").fill("9000")
        expect(page.locator(".log-count")).to_have_text("1 of 1")
        page.locator(".log-box").evaluate("box => box.scrollTop = 0")
        cut = page.locator(".log-cut")
        for _ in range(200):
            if cut.count():
                break
            page.locator(".log-box").evaluate("box => box.scrollTop += 400")
        expect(cut).to_contain_text("bytes are cut here")


def test_a_retry_is_a_click_away_and_the_log_can_be_kept(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        declare(
            server, tmp_path, "bad", "run: echo failed; exit 3\ntimeout: 1m\nretries: {limit: 1, delay: 1s}\n"
        )
        last = server.post("/jobs/bad/run")[1]["result"]
        page = look(server.url).open(f"/runs/{last['chain_id']}")
        with page.expect_download() as kept:
            page.get_by_role("link", name="Download").click()
        assert kept.value.suggested_filename == f"bad-{last['chain_id']}.log"
        assert Path(kept.value.path()).read_text() == "failed\n"
        page.get_by_role("link", name=f"attempt 2, run #{last['id']}").click()
        expect(page).to_have_title(f"(1) Run {last['id']} of bad: error · jeeves-runner")


def test_lines_and_commands_can_be_handed_on(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        viewer = look(server.url)
        viewer.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = viewer.open(f"/runs/{ran(server, tmp_path, 'seq 1 20')}")
        page.locator('a[href="#L3"]').click()
        page.locator('a[href="#L5"]').click(modifiers=["Shift"])
        assert page.url.endswith("#L3-L5")
        expect(page.locator(".log-chosen .log-text")).to_have_text(["3", "4", "5"])
        page.reload()
        expect(page.locator(".log-chosen .log-text")).to_have_text(["3", "4", "5"])
        page.get_by_role("button", name="Copy").first.click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == "jeeves-runner trigger script"


def test_what_is_copied_is_what_was_written(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        run = ran(server, tmp_path, r"printf '1%%\r2%%\r3%%\ndone\n'")
        page = look(server.url).open(f"/runs/{run}")
        expect(line(page, 1)).to_have_text("↺ 23%")
        page.evaluate("document.getSelection().selectAllChildren(document.querySelector('.log-box'))")
        assert page.evaluate("document.getSelection().toString()").split() == ["3%", "done"]


def test_all_of_it_is_printed(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        page = look(server.url).open(f"/runs/{ran(server, tmp_path, 'seq 1 1000')}")
        expect(line(page, 1)).to_have_text("1")
        page.evaluate(f"addEventListener('beforeprint', () => {{ window.printed = {COUNTED} }})")
        page.pdf()
        assert page.evaluate("window.printed") == 1000
        assert page.evaluate(COUNTED) < 200
        page.emulate_media(media="print")
        for shown, selector in ((False, ".ways"), (False, ".log-bar"), (True, ".log-line >> nth=0")):
            expect(page.locator(selector)).to_be_visible(visible=shown)


def test_seven_tabs_leave_connections_for_everything_else(tmp_path: Path, look: Look) -> None:
    """A browser has six for one server. Tabs that are not looked at hold none."""
    with serving(tmp_path) as server, feeding(tmp_path, server) as (run, feed):
        viewer = look(server.url)
        print("begins", file=feed, flush=True)
        pages = [viewer.open(f"/runs/{run}") for _ in range(7)]
        for page in pages:
            expect(line(page, 1)).to_have_text("begins")
        print("goes on", file=feed, flush=True)
        for page in pages:
            expect(line(page, 2)).to_have_text("goes on")


def test_everybody_can_use_it(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        run = ran(server, tmp_path, HOSTILE)
        for how in ({}, {"dark": True}, {"width": 390}):
            page = look(server.url, **how).open(f"/runs/{run}")
            expect(line(page, 8)).to_be_visible()
            assert findings(page) == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_it_can_be_read_without_scripts(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        run = ran(server, tmp_path, "echo hello\n")
        viewer = look(server.url)
        context = viewer.context.browser.new_context(java_script_enabled=False)  # type: ignore[union-attr]
        try:
            page = context.new_page()
            page.goto(f"{server.url}/runs/{run}")
            expect(page.locator(".log-tail")).to_have_text("hello\n")
        finally:
            context.close()
