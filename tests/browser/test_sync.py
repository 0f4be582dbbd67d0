"""The pages of the sync, the history and the graph in a browser: they stay true, and the graph can be used
with a pointer and with keys."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.browser import Viewer
from support.server import save, serving

pytestmark = pytest.mark.browser

Look = Callable[..., Viewer]

GOOD = "schedule: '@daily'\nrun: echo copy\ntimeout: 1m\n"
BROKEN = "schedule: '0 25 * * *'\nrun: echo </pre><script>window.ran = 1</script>\nenv: {TOKEN: hush}\n"
PIPELINE = """\
jobs:
  - {id: fetch, run: echo fetch, timeout: 1m, writes: ["datastore:mails"]}
  - {id: sort, run: exit 3, timeout: 1m, reads: ["datastore:mails"], writes: ["datastore:sorted"]}
  - {id: apart, run: echo apart, timeout: 1m, writes: ["datastore:other"]}
"""


def test_a_file_is_held_and_mended_before_the_eyes(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "copy.yaml", GOOD)
        page = look(server.url).open("/sync")
        expect(page.get_by_text("All that the manifests declare is live.")).to_be_visible()
        save(tmp_path, "copy.yaml", BROKEN)
        file = page.locator("article")
        expect(file).to_contain_text("hour 25 is outside")
        expect(file).to_contain_text(re.compile(r"copy is held at its last good version, for \d+s"))
        expect(file.locator(".faulty")).to_contain_text("schedule: '0 25 * * *'")
        expect(file.locator(".excerpt")).to_contain_text("run: echo </pre><script>")
        assert page.evaluate("window.ran") is None
        assert "hush" not in page.content()
        assert _is_below(page, "'0 25", ".caret")
        save(tmp_path, "copy.yaml", GOOD.replace("1m", "2m"))
        expect(page.locator(".revisions tbody tr").first).to_contain_text("~1")
        expect(file).to_have_count(0)


def _is_below(page: Page, text: str, sign: str) -> bool:
    """Whether the sign stands below where the text begins in the faulty line."""
    return bool(
        page.evaluate(
            """([text, sign]) => {
                const line = document.querySelector(".faulty td").firstChild;
                const range = document.createRange();
                range.setStart(line, line.data.indexOf(text));
                range.setEnd(line, line.data.indexOf(text) + 1);
                const caret = document.querySelector(sign).firstChild;
                const at = document.createRange();
                at.setStart(caret, caret.data.indexOf("^"));
                at.setEnd(caret, caret.data.indexOf("^") + 1);
                const one = range.getBoundingClientRect(), other = at.getBoundingClientRect();
                return Math.abs(one.left - other.left) < 2 && other.top > one.top;
            }""",
            [text, sign],
        )
    )


def test_a_revision_appears_and_leads_to_its_diff(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        page = look(server.url).open("/revisions")
        save(tmp_path, "copy.yaml", GOOD)
        expect(page.locator("#revision-1")).to_contain_text("+1")
        save(tmp_path, "copy.yaml", GOOD.replace("echo copy", "|\n  echo one\n  echo two"))
        page.locator("#revision-2 a").click()
        expect(page.locator("#change-job-copy")).to_contain_text("echo one")
        boxes = [line.bounding_box() for line in page.locator(".diff > div").all()]
        assert len({box["x"] for box in boxes if box}) == 1
        tops = [box["y"] for box in boxes if box]
        assert len(boxes) >= 3
        assert tops == sorted(set(tops))


def test_below_a_day_of_the_runner_a_time_says_that_the_viewer_has_another_one(
    tmp_path: Path, look: Look
) -> None:
    (tmp_path / "jeeves-runner.yaml").write_text("port: 0\ntimezone: Pacific/Kiritimati\n")
    with serving(tmp_path) as server:
        save(tmp_path, "copy.yaml", GOOD)
        page = look(server.url, zone="Pacific/Kiritimati").open("/revisions")
        expect(page.locator("#revision-1 time")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
        page = look(server.url, zone="Pacific/Pago_Pago").open("/revisions")  # 25 hours behind
        expect(page.locator("#revision-1 time")).to_have_text(re.compile(r"^[A-Z][a-z]{2} \d\d:\d\d:\d\d$"))


def test_what_a_box_is_tied_to_stands_out(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "all.yaml", PIPELINE)
        page = look(server.url).open("/graph")
        box = page.locator('[id="node-datastore:mails"]')
        box.hover()
        expect(page.locator('[id="node-process:sort"]')).to_have_class("box quiet process lit")
        expect(page.locator('[id="node-process:apart"]')).to_have_class("box quiet process")
        expect(page.locator(".line.lit")).to_have_count(2)
        server.post("/jobs/sort/run")
        expect(page.locator('[id="node-process:sort"]')).to_have_class("box bad process lit")
        box.focus()
        page.keyboard.press("Enter")
        expect(page.locator(".box.chosen")).to_have_attribute("id", "node-datastore:mails")
        expect(page.locator(".box")).to_have_count(3)
        page.get_by_label("Around", exact=True).fill("fetch")
        page.keyboard.press("Enter")
        expect(page.get_by_role("link", name="Its page")).to_have_attribute("href", "/jobs/fetch")


def test_on_a_phone_the_tree_stands_alone(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "all.yaml", PIPELINE)
        page = look(server.url, width=390).open("/graph")
        expect(page.locator(".tree")).to_contain_text("datastore:sorted")
        expect(page.locator("#picture")).to_be_hidden()


def test_what_goes_on_in_the_tree_stands_below_its_name(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        long = "sorted-" + "-".join(f"again-{number}" for number in range(9))
        save(tmp_path, "all.yaml", PIPELINE.replace("id: sort,", f"id: {long},"))
        save(tmp_path, "copy.yaml", GOOD)
        page = look(server.url, width=390).open("/graph")
        name = page.locator(".tree .leaf", has_text=long)
        starts = """node => {
            const names = document.createRange();
            names.selectNodeContents(node.lastChild);
            return [...names.getClientRects()].map((line) => Math.round(line.left));
        }"""
        lines = name.evaluate(starts)
        assert len(lines) > 1
        assert max(lines) - min(lines) <= 2
        sign, main = page.locator(".alone .sign").first.bounding_box(), page.locator("#alone").bounding_box()
        assert sign
        assert main
        assert abs(sign["x"] - main["x"]) < 2
