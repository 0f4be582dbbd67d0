"""The pages of queues and state in a browser: they stay true, and what was opened stays open."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect
from support.browser import Viewer, findings
from support.server import Server, command, new_project, save, serving

pytestmark = pytest.mark.browser

Look = Callable[..., Viewer]

LETTER = {"to": "ada@example.org", "text": "</pre><script>document.title = 'taken'</script>" + "x" * 200}


def push(server: Server, payload: object, **how: object) -> int:
    """The number of a new item."""
    return int(server.post("/queues/mail/items", {"payload": payload, **how})[1]["ids"][0])


def give_up(server: Server, error: str) -> None:
    """The next item, in its last attempt."""
    [item] = server.post("/queues/mail/claim")[1]["items"]
    server.post(f"/queues/mail/items/{item['id']}/fail", {"lease_token": item["lease_token"], "error": error})


def test_counts_change_without_a_reload_and_the_oldest_grows_older(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        push(server, 1)
        page = look(server.url).open("/queues")
        page.evaluate("window.isTheSame = true")
        expect(page.locator("#queue-mail td").first).to_have_text("1")
        age = page.locator("#queue-mail time").inner_text()
        expect(page.locator("#queue-mail time")).not_to_have_text(age)
        push(server, 2)
        expect(page.locator("#queue-mail td").first).to_have_text("2")
        assert command(tmp_path, "queue", "pause", "mail").returncode == 0
        expect(page.locator("#queue-mail")).to_contain_text("paused")
        assert page.evaluate("window.isTheSame")


def test_a_payload_that_was_opened_stays_open_while_others_fail(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        number = push(server, LETTER, max_attempts=1)
        give_up(server, "no\nHTTP 503")
        page = look(server.url).open("/queues/mail")
        letter = page.locator(f"#item-{number}")
        expect(letter).to_contain_text("HTTP 503")
        letter.get_by_text('{"to":"ada@example.org"').click()
        expect(letter.locator("pre.value")).to_contain_text("</pre><script>document.title = 'taken'</script>")
        push(server, 2, max_attempts=1)
        give_up(server, "another")
        expect(page.locator("#dead .item")).to_have_count(2)
        expect(letter.locator("pre.value")).to_be_visible()
        expect(page).to_have_title("mail · jeeves-runner")


def test_on_a_phone_items_are_read_without_scrolling_sideways(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        for _ in range(2):
            push(server, {"to": "ada@example.org", "text": "a long letter " * 20})
        server.post("/queues/mail/claim")
        page = look(server.url, width=390).open("/queues/mail")
        expect(page.locator("table")).to_have_count(2)
        assert page.locator(".wide").evaluate_all(WIDER) == []
        waiting = page.get_by_role("row").filter(has_text="ada").last
        assert waiting.get_by_role("cell").nth(1).evaluate(BEFORE) == '"for " / ""'
        page.set_viewport_size({"width": 1280, "height": 900})
        assert waiting.get_by_role("cell").nth(1).evaluate(BEFORE) == "none"


WIDER = "of => of.filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.innerText)"
BEFORE = "cell => getComputedStyle(cell, '::before').content"
"""What stands before a value where its column has no head that is seen; it is not heard, for the head is."""


def test_a_dead_letter_is_deleted_on_its_own_page_which_is_then_left(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        first, second = push(server, LETTER, max_attempts=1), push(server, 2, max_attempts=1)
        for _ in range(2):
            give_up(server, "no")
        viewer = look(server.url)
        other = viewer.open(f"/queues/mail?item={first}")
        page = viewer.open(f"/queues/mail?item={first}")
        assert not findings(page)
        page.get_by_role("link", name="Delete…").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(page).to_have_url(f"{server.url}/queues/mail")
        expect(page.locator(".note")).to_contain_text(f"Item {first} is deleted.")
        expect(page.locator("#dead .item")).to_have_count(1)
        expect(other.locator("h1")).to_contain_text(f"there is no queue item {first}")
        page.locator(f"#item-{second}").get_by_role("link", name="Delete…").click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(page.locator("#dead")).to_have_count(0)
        viewer.complaints[:] = [each for each in viewer.complaints if "404" not in each]


def test_what_is_tried_again_is_counted_and_what_is_not(tmp_path: Path, look: Look) -> None:
    once = "queues: [{id: mail, max_attempts: 1, dedup: {key: $.n, scope: pending}}]\n"
    (tmp_path / "jobs.d").mkdir()
    save(tmp_path, "mail.yaml", once)
    with serving(tmp_path) as server:
        for number in (1, 2):
            push(server, {"n": number})
            give_up(server, "no")
        page = look(server.url).open("/queues/mail")

        def retry() -> Locator:
            page.get_by_role("link", name="Retry dead letters…").click()
            page.get_by_role("button", name="Retry all").click()
            return page.locator(".note p").last

        expect(retry()).to_have_text("Pending again: 2.")
        give_up(server, "no")
        push(server, {"n": 1})
        expect(retry()).to_have_text("Pending again: 0; kept back: 1, as an equal one waits.")


def test_one_gets_to_a_queue_by_keys(tmp_path: Path, look: Look) -> None:
    new_project(tmp_path)
    save(tmp_path, "queues.yaml", "queues: [{id: alerts}, {id: mail, description: Letters}]\n")
    with serving(tmp_path) as server:
        page = look(server.url).open("/queues")
        page.keyboard.press("/")
        page.keyboard.type("letters")
        page.keyboard.press("Enter")
        expect(page.locator("tbody tr")).to_have_count(1)
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text("mail")


def test_state_is_shown_as_it_is_written(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        assert command(tmp_path, "state", "set", "backup", "a/b?", '{"n": 1}').returncode == 0
        viewer = look(server.url)
        page = viewer.open("/state")
        page.get_by_role("link", name="backup").click()
        page.get_by_role("link", name="a/b?").click()
        expect(page.locator("pre.value")).to_contain_text('"n": 1')
        assert command(tmp_path, "state", "set", "backup", "a/b?", '{"n": 2}').returncode == 0
        expect(page.locator("pre.value")).to_contain_text('"n": 2')
        page.get_by_role("link", name="all of it as JSON").click()
        expect(page.locator("body")).to_contain_text('{"value": {"n": 2}}'.replace(": ", ":"))


def test_everybody_can_use_a_queue_with_all_there_is(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        for number in range(7):
            push(server, {**LETTER, "n": number}, max_attempts=1)
            give_up(server, f"no\n{number}")
        push(server, 1, max_attempts=3)
        server.post("/queues/mail/claim")
        push(server, LETTER, delay="1h")
        for dark in (False, True):
            page = look(server.url, dark=dark).open("/queues/mail")
            for each in page.locator("details").all():
                each.evaluate("each => { each.open = true }")
            assert findings(page) == []


def test_what_a_queue_is_for_has_a_line_on_a_phone(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        about = "Orders that are paid and not packed"
        save(tmp_path, "orders.yaml", f"queues: [{{id: orders, description: {about}}}]\n")
        page = look(server.url, width=390).open("/queues")
        line = page.get_by_text(about)
        expect(line).to_be_visible()
        box, number = line.bounding_box(), page.locator("#queue-orders .number").first.bounding_box()
        assert box
        assert number
        assert box["height"] < 36
        assert number["y"] < box["y"]
        assert page.get_by_role("rowheader").count() == 1


def test_what_a_link_leads_to_is_not_below_the_frame(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        for number in range(20):
            push(server, number, max_attempts=1)
            give_up(server, "HTTP 503")
        page = look(server.url).open("/queues")
        page.locator("#queue-mail a.dead").click()
        expect(page.locator("html[data-shown]")).to_be_attached()
        expect(page.locator("#dead")).to_be_in_viewport()
        frame, place = page.locator("header.top").bounding_box(), page.locator("#dead").bounding_box()
        assert frame is not None
        assert place is not None
        assert frame["y"] == 0
        assert place["y"] >= frame["height"]
