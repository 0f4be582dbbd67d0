"""Pages in a disturbed world: they show nothing as true that is not, and say what they know."""

import os
import shutil
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import apsw
import pytest
from playwright.sync_api import Page, Request, Route, expect
from support.browser import Viewer
from support.server import (
    HOLD,
    RARELY,
    Server,
    command,
    database,
    save,
    serving,
    started_pid,
    until,
)

pytestmark = pytest.mark.browser

Look = Callable[..., Viewer]

IS_SAME: Final = "window.isTheSame === true"


def run_of(server: Server, root: Path, manifest: str = RARELY) -> int:
    """A run of a job `job` that is declared for it."""
    save(root, "job.yaml", manifest)
    until(lambda: server.job("job"))
    run: int = server.post("/jobs/job/run?wait=0s")[1]["run"]["id"]
    return run


def again(page: Page) -> None:
    """Have the page come for itself."""
    page.evaluate("document.dispatchEvent(new CustomEvent('jeeves:acted'))")


def test_a_page_of_what_is_gone_says_so(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        run = run_of(server, tmp_path)
        until(lambda: server.get(f"/runs/{run}")["run"]["finished_at"])
        viewer = look(server.url)
        page = viewer.open(f"/runs/{run}")
        expect(page.locator(".log-line")).to_have_text("1rarely")
        with closing(apsw.Connection(str(database(tmp_path)))) as conn:
            conn.set_busy_timeout(30_000)
            conn.execute("DELETE FROM runs WHERE id = ?", (run,))
        again(page)
        expect(page.locator("h1")).to_have_text(f"there is no run {run}")
        viewer.forgive()


def test_a_server_that_makes_no_page_is_asked_again(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        viewer = look(server.url)
        page = viewer.open("/jobs")
        left = ["<h1>the database is busy</h1>", "", "abort"]

        def refuse(route: Route, request: Request) -> None:
            if not left or "text/html" not in request.headers["accept"]:
                return route.continue_()
            body = left.pop(0)
            return route.abort() if body == "abort" else route.fulfill(status=503, body=body)

        page.route("**/jobs", refuse)
        again(page)
        expect(page.locator("#link")).to_contain_text("Not as it is now: the database is busy.")
        expect(page.locator("#link")).to_contain_text("Not as it is now: the server answers with 503.")
        expect(page.locator("#link")).to_be_hidden()
        assert left == []
        viewer.forgive()


@pytest.mark.parametrize("status", [404, 200])
def test_what_another_program_answers_in_the_place_of_the_server_is_not_shown(
    tmp_path: Path, look: Look, status: int
) -> None:
    with serving(tmp_path) as server:
        viewer = look(server.url)
        page = viewer.open("/jobs")
        page.evaluate("window.isTheSame = true")
        is_away = [True]

        def answer(route: Route, request: Request) -> None:
            if not is_away or "text/html" not in request.headers["accept"]:
                return route.continue_()
            return route.fulfill(status=status, content_type="text/html", body="<h1>no such backend</h1>")

        page.route("**/jobs", answer)
        again(page)
        expect(page.locator("#link")).to_contain_text("Not as it is now: another program answers")
        save(tmp_path, "one.yaml", RARELY)
        until(lambda: server.job("one"))
        is_away.clear()
        expect(page.locator("#job-one")).to_be_visible()
        expect(page.locator("#link")).to_be_hidden()
        assert page.evaluate(IS_SAME)
        viewer.forgive()


def test_a_log_goes_on_after_another_program_has_answered_in_the_place_of_the_server(
    tmp_path: Path, look: Look
) -> None:
    with serving(tmp_path) as server:
        run = run_of(
            server, tmp_path, "run: 'echo one; until test -e go; do sleep 0.1; done; echo two'\ntimeout: 1m\n"
        )
        viewer = look(server.url)
        page = viewer.context.new_page()
        asked: list[str] = []

        def answer(route: Route, request: Request) -> None:
            if len(asked) == 2:
                return route.continue_()
            asked.append(request.url)
            return route.fulfill(
                status=(404, 200)[len(asked) - 1], content_type="text/html", body="<h1>no</h1>"
            )

        page.route("**/logs?follow=1*", answer)
        page.goto(f"/runs/{run}")
        expect(page.locator("#log")).to_contain_text("one")
        until(lambda: len(asked) == 2)
        (tmp_path / "go").touch()
        expect(page.locator("#log")).to_contain_text("two")
        viewer.forgive()


def test_a_silent_network_and_clocks_that_are_set_hold_no_page_back(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        page = look(server.url).open("/jobs")
        with page.expect_request("**/events*"):
            page.evaluate("then = Date.now; Date.now = () => then() + 3600e3")
        expect(page.locator("#link")).to_be_hidden()
        save(tmp_path, "one.yaml", RARELY)
        expect(page.locator("#job-one")).to_be_visible()
        page.evaluate("Date.now = then")
        save(tmp_path, "two.yaml", RARELY)
        expect(page.locator("#job-two")).to_be_visible()


def test_a_page_follows_although_what_it_follows_with_has_not_come_at_once(
    tmp_path: Path, look: Look
) -> None:
    lost: list[str] = []

    def lose_it_once(route: Route) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.request.url)
            route.abort()

    with serving(tmp_path) as server:
        viewer = look(server.url)
        viewer.context.route("**/idiomorph.js", lose_it_once)
        page = viewer.open("/jobs")
        until(lambda: page.evaluate("true") and lost)
        save(tmp_path, "job.yaml", RARELY)
        expect(page.locator("#job-job")).to_be_visible()
        assert page.locator("script[src*=idiomorph]").count() == 0


def test_a_stream_that_is_held_back_on_its_way_makes_a_page_ask_at_intervals(
    tmp_path: Path, look: Look
) -> None:
    with serving(tmp_path) as server:
        viewer = look(server.url)
        viewer.context.route("**/events*", lambda _held_back: None)
        page = viewer.open("/jobs")
        page.evaluate("then = Date.now; Date.now = () => then() + 3600e3")
        save(tmp_path, "one.yaml", RARELY)
        until(lambda: server.job("one"))
        expect(page.locator("#job-one")).to_be_visible(timeout=60_000)
        expect(page.locator("#link")).to_be_hidden()
        server.signal(signal.SIGSTOP)
        try:
            expect(page.locator("#link")).to_contain_text("Disconnected, last seen", timeout=60_000)
        finally:
            server.signal(signal.SIGCONT)
        expect(page.locator("#link")).to_be_hidden()


def test_a_page_of_another_version_of_the_server_is_loaded_anew(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        page = look(server.url).open("/jobs")
        page.evaluate("window.isTheSame = true")
        again(page)
        save(tmp_path, "one.yaml", RARELY)
        expect(page.locator("#job-one")).to_be_visible()
        assert page.evaluate(IS_SAME)
        is_old = [True]

        def updated(route: Route, request: Request) -> None:
            headers = {name: value for name, value in request.headers.items() if name != "if-none-match"}
            answer = route.fetch(headers=headers)
            body = answer.text().replace("/static/", "/static/new") if is_old else answer.text()
            is_old.clear()
            route.fulfill(response=answer, body=body)

        page.route("**/jobs", updated)
        with page.expect_navigation():
            again(page)
        expect(page.locator("#job-one")).to_be_visible()
        assert not page.evaluate(IS_SAME)


def test_one_who_is_let_in_no_more_is_not_shown_as_let_in(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        made = command(tmp_path, "token", "create", "eve").stdout
        viewer = look(server.url)
        page = viewer.open("/login?next=/jobs")
        page.get_by_label("Token").fill(next(word for word in made.split() if word.startswith("jr_")))
        page.get_by_role("button", name="Log in").click()
        expect(page.locator(".who")).to_contain_text("eve, may read")
        command(tmp_path, "token", "create", "ann", "--role", "operate")
        command(tmp_path, "token", "revoke", "eve")
        expect(page.locator(".who")).to_have_text("Log in to act", timeout=60_000)
        viewer.forgive()


def test_an_act_that_is_not_answered_yet_is_told_of_also_once_its_form_is_left(
    tmp_path: Path, look: Look
) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "job.yaml", RARELY)
        until(lambda: server.job("job"))
        page = look(server.url).open("/jobs/job")
        page.get_by_role("link", name="Pause…").click()
        button = page.get_by_role("button", name="Pause", exact=True)
        expect(button).to_be_enabled()
        server.signal(signal.SIGSTOP)
        try:
            button.click()
            expect(page.get_by_role("dialog")).to_contain_text("It is not answered yet")
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_be_hidden()
        finally:
            server.signal(signal.SIGCONT)
        expect(page.locator(".note")).to_contain_text("job is paused until it is resumed.")
        assert server.job("job")["paused"]


def test_a_log_that_is_gone_or_cannot_be_read_says_so(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        run = run_of(server, tmp_path, HOLD.replace("exec", "echo first; exec"))
        viewer = look(server.url)
        page = viewer.open(f"/runs/{run}")
        expect(page.locator(".log-line")).to_have_text("1first")
        log = tmp_path / "data" / "logs" / "job" / f"{run}.log"
        log.unlink()
        log.mkdir()
        page.reload()
        expect(page.locator(".log-foot")).to_contain_text("The server cannot read the file of this log.")
        port = server.url.rpartition(":")[2]
        (tmp_path / "jeeves-runner.yaml").write_text(f"port: {port}\nshutdown_grace: 1s\n")
        log.rmdir()
        log.write_text("first\n")
        page.reload()
        expect(page.locator(".log-line")).to_have_text("1first")
        server.kill()
        os.kill(started_pid(tmp_path), signal.SIGKILL)
    shutil.rmtree(tmp_path / "data")
    with serving(tmp_path):
        expect(page.locator("h1")).to_have_text(f"there is no run {run}")
        viewer.forgive()
