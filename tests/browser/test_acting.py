"""Acting in a browser: by forms in a dialog, by keys alone, with and without a token, not from elsewhere."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect
from support.browser import Viewer, findings
from support.server import HOLD, Server, command, save, serving, until

pytestmark = pytest.mark.browser

Look = Callable[..., Viewer]

EVIL: Final = "<img src=x onerror='window.hacked = 1'>"

GREET: Final = f"""
description: "{EVIL}"
schedule: "@daily"
run: echo $JR_PARAM_NAME
timeout: 1m
params:
  name: {{default: Ada, pattern: "[A-Z].*", description: "{EVIL}"}}
  times: {{type: integer}}
"""


def job(server: Server, page: Page, name: str, act: str) -> None:
    """Choose what is done with a job, on the list of jobs."""
    page.locator(f"#job-{name} a.more").click()
    page.locator(f".choose a[href='#act-{act}']").click()


def note(page: Page) -> str:
    expect(page.locator(".note").last).to_be_visible()
    return page.locator(".note").last.inner_text()


@contextmanager
def greeting(root: Path) -> Iterator[Server]:
    """A server that has the job."""
    (root / "jobs.d").mkdir()
    save(root, "greet.yaml", GREET)
    with serving(root) as server:
        until(lambda: server.job("greet"))
        yield server


def token(root: Path, name: str, *more: str) -> str:
    made = command(root, "token", "create", name, *more)
    assert made.returncode == 0, made.stderr
    return next(word for word in made.stdout.split() if word.startswith("jr_"))


def test_a_job_is_run_by_keys_alone(tmp_path: Path, look: Look) -> None:
    with greeting(tmp_path) as server:
        viewer = look(server.url)
        page = viewer.open("/jobs")
        page.evaluate("window.isTheSame = true")
        expect(page.locator("#job-greet")).to_be_visible()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("a")
        expect(page.get_by_role("dialog", name="Act on greet")).to_be_visible()
        page.keyboard.press("Enter")
        expect(page.get_by_label("name")).to_be_focused()
        page.keyboard.press("Control+a")
        page.keyboard.type("grace")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("must match [A-Z].* as a whole")
        page.keyboard.press("Control+a")
        page.keyboard.type("Grace")
        page.keyboard.press("Enter")
        assert "Run 1 of greet: " in note(page)
        expect(page.locator("#job-greet")).to_contain_text("ok")
        assert server.get("/runs/1")["run"]["params"] == {"name": "Grace"}
        page.keyboard.press("a")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_be_hidden()
        assert page.evaluate("[window.isTheSame, window.hacked]") == [True, None]
        page.get_by_role("link", name="Look at it").click()
        expect(page).to_have_url(f"{server.url}/runs/1")
        viewer.forgive()


def test_all_jobs_are_paused_and_resumed_from_the_overview(tmp_path: Path, look: Look) -> None:
    with greeting(tmp_path) as server:
        page = look(server.url).open("/")
        page.get_by_role("link", name="Pause all…").click()
        expect(page.get_by_role("dialog", name="Pause all jobs")).to_be_visible()
        assert not findings(page)
        page.get_by_role("button", name="2 hours").click()
        page.get_by_role("textbox", name="Reason").fill(EVIL)
        page.get_by_role("dialog").get_by_role("button", name="Pause all").click()
        assert "All jobs are paused until " in note(page)
        expect(page.locator("main")).to_contain_text(EVIL)
        assert server.job("greet")["paused"]["all"]
        assert not findings(page)
        page.get_by_role("link", name="Resume all…").click()
        page.get_by_role("dialog").get_by_role("button", name="Resume all").click()
        expect(page.get_by_role("link", name="Pause all…")).to_be_visible()
        assert server.job("greet")["paused"] is None
        assert page.evaluate("window.hacked") is None


def test_what_is_set_is_told_seen_and_taken_back(tmp_path: Path, look: Look) -> None:
    with greeting(tmp_path) as server:
        viewer = look(server.url)
        page = viewer.open("/jobs")
        job(server, page, "greet", "pause")
        page.get_by_role("button", name="2 hours").click()
        page.get_by_role("textbox", name="Reason").fill(EVIL)
        page.get_by_role("button", name="Pause").click()
        assert "greet is paused until " in note(page)
        expect(page.locator("#job-greet")).to_contain_text("paused")
        job(server, page, "greet", "resume")
        expect(page.get_by_role("dialog")).to_contain_text(EVIL)
        page.get_by_role("button", name="Resume").click()
        expect(page.locator("#job-greet")).not_to_contain_text("paused")
        job(server, page, "greet", "mute")
        page.get_by_role("textbox", name="Until").fill("soon")
        page.get_by_role("button", name="Mute").click()
        expect(page.get_by_role("alert")).to_contain_text("soon")
        page.get_by_role("button", name="30 minutes").click()
        page.get_by_role("button", name="Mute").click()
        expect(page.locator("#job-greet")).to_contain_text("muted")
        job(server, page, "greet", "skip")
        page.get_by_role("button", name="Skip").click()
        expect(page.locator("#job-greet")).to_contain_text("skips 1")
        expect(page.locator(".note").last).to_contain_text(re.compile("greet will not run at .*00:00:00"))
        job(server, page, "greet", "unskip")
        page.get_by_role("button", name="Take it back").click()
        expect(page.locator("#job-greet")).not_to_contain_text("skips")
        expect(page.locator(".note").last).to_contain_text(
            re.compile("The skip of greet at .*00:00:00 is taken back.")
        )
        assert page.evaluate("window.hacked") is None
        acts = [each["action"] for each in server.get("/audit")["audit"]]
        assert acts[:5] == ["unskip", "skip", "mute", "mute", "resume"]
        viewer.forgive()
        page = viewer.open("/sync")
        page.get_by_role("link", name="Reconcile now…").click()
        page.get_by_role("button", name="Look and apply").click()
        assert "The manifests are looked at." in note(page)


def test_a_form_has_a_page_of_its_own(tmp_path: Path, look: Look) -> None:
    with greeting(tmp_path) as server:
        page = look(server.url).open("/jobs/greet/act")
        form = page.locator("#act-pause")
        form.get_by_role("textbox", name="Reason").fill("move")
        form.get_by_role("button", name="Pause").click()
        expect(form).to_contain_text("greet is paused until it is resumed.")
        form.get_by_role("link", name="Look at it").click()
        expect(page).to_have_url(f"{server.url}/jobs/greet")
        expect(page.locator("main")).to_contain_text("move")


def test_a_run_is_cancelled_from_its_page(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        save(tmp_path, "hold.yaml", HOLD)
        page = look(server.url).open("/jobs")
        expect(page.locator("#job-hold")).to_be_visible()
        run = server.post("/jobs/hold/run?wait=0s")[1]["run"]["id"]
        page.goto(f"/runs/{run}")
        page.get_by_role("link", name="Cancel…").click()
        expect(page.get_by_role("link", name="Leave it")).to_be_focused()
        page.get_by_role("button", name="Cancel the run").click()
        assert f"Run {run} is asked to end." in note(page)
        expect(page.locator("main")).to_contain_text("cancelled")
        expect(page.get_by_role("link", name="Run again…")).to_be_visible()


def test_everybody_can_use_the_dialog(tmp_path: Path, look: Look) -> None:
    with greeting(tmp_path) as server:
        for dark in (False, True):
            page = look(server.url, dark=dark).open("/jobs")
            for act in ("run", "pause", "skip"):
                job(server, page, "greet", act)
                assert findings(page) == []
                page.keyboard.press("Escape")
            assert findings(look(server.url, dark=dark).open("/login")) == []


@pytest.mark.parametrize("scripts", [True, False])
def test_one_logs_in_acts_and_logs_out(tmp_path: Path, look: Look, scripts: bool) -> None:
    with greeting(tmp_path) as server:
        made = token(tmp_path, "ann", "--role", "operate")
        page = look(server.url, scripts=scripts).open("/jobs")
        expect(page.locator("#job-greet")).to_be_visible()
        expect(page.locator("a.more")).to_have_count(0)
        page.get_by_role("link", name="Log in to act").click()
        page.get_by_label("Token").fill(made)
        page.get_by_role("button", name="Log in").click()
        expect(page).to_have_url(f"{server.url}/jobs")
        expect(page.get_by_text("ann")).to_be_visible()
        if scripts:
            job(server, page, "greet", "run")
            page.get_by_role("button", name="Run").click()
            assert "Run 1 of greet" in note(page)
        page.get_by_role("button", name="Log out").click()
        expect(page).to_have_url(f"{server.url}/login")
        page.goto("/jobs")
        expect(page.locator("#job-greet")).to_be_visible()
        expect(page.locator("a.more")).to_have_count(0)


def test_one_who_may_read_sees_nothing_to_act_with(tmp_path: Path, look: Look) -> None:
    with greeting(tmp_path) as server:
        token(tmp_path, "ann", "--role", "operate")
        viewer = look(server.url)
        page = viewer.open("/login?next=/jobs")
        page.get_by_label("Token").fill(token(tmp_path, "eve"))
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_text("eve, may read")).to_be_visible()
        expect(page.locator("a[data-act]")).to_have_count(0)
        told = page.evaluate("fetch('/jobs/greet/pause', {method: 'POST'}).then((answer) => answer.status)")
        assert told == 403
        viewer.forgive()


def test_who_logs_in_comes_back_to_the_line_that_was_asked_for(tmp_path: Path, look: Look) -> None:
    with greeting(tmp_path) as server:
        run = server.post("/jobs/greet/run")[1]["result"]["id"]
        secret = token(tmp_path, "ann", "--role", "operate")
        viewer = look(server.url)
        page = viewer.open(f"/runs/{run}#L1")
        page.get_by_role("link", name="Log in to act").click()
        for given in ("no token", secret):
            page.get_by_label("Token").fill(given)
            page.get_by_role("button", name="Log in").click()
        expect(page).to_have_url(f"{server.url}/runs/{run}#L1")
        expect(page.locator(".log-chosen")).to_have_count(1)
        viewer.forgive()


def test_one_whose_token_is_revoked_meanwhile_is_led_to_log_in(tmp_path: Path, look: Look) -> None:
    with greeting(tmp_path) as server:
        token(tmp_path, "other", "--role", "operate")
        viewer = look(server.url)
        page = viewer.open("/login?next=/jobs")
        page.get_by_label("Token").fill(token(tmp_path, "ann", "--role", "operate"))
        page.get_by_role("button", name="Log in").click()
        job(server, page, "greet", "pause")
        assert command(tmp_path, "token", "revoke", "ann").returncode == 0
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_role("alert")).to_contain_text(
            "You are logged in no more: operating takes a token here"
        )
        page.get_by_role("alert").get_by_role("link", name="Log in").click()
        expect(page).to_have_url(f"{server.url}/login?next=%2Fjobs")
        viewer.forgive()


def test_an_answer_that_is_lost_is_told_of(tmp_path: Path, look: Look) -> None:
    with greeting(tmp_path) as server:
        page = look(server.url).open("/jobs")
        job(server, page, "greet", "pause")
        server.kill()
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_role("alert")).to_contain_text("The answer was lost")
        page.keyboard.press("Escape")
        page.locator("#job-greet a.more").click()
        assert "The server is not reached." in note(page)


# From elsewhere


@contextmanager
def foreign_site(html: str) -> Iterator[str]:
    """The URL of a page of another site."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    site = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = Thread(target=site.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{site.server_port}/"
    finally:
        site.shutdown()
        thread.join()
        site.server_close()


ATTACKS: Final = """
<body><script>
const at = "URL/jobs/greet/pause";
const JSON_IT_IS = {"Content-Type": "application/json"};
const tries = [
  fetch(at, {method: "POST", mode: "no-cors", credentials: "include", body: "{}"}),
  fetch(at, {method: "POST", mode: "no-cors", credentials: "include", body: new Blob(["{}"])}),
  fetch(at, {method: "POST", mode: "no-cors", credentials: "include", referrerPolicy: "no-referrer"}),
  fetch(at, {method: "POST", mode: "cors", credentials: "include", body: "{}", headers: JSON_IT_IS}),
  fetch("URL/logout", {method: "POST", mode: "no-cors", credentials: "include"}),
  fetch("URL/jobs", {mode: "cors", credentials: "include"}),
];
navigator.sendBeacon(at, "{}");
Promise.allSettled(tries).then((all) => { document.title = all.map((each) => each.status).join(" "); });
</script>
<form id="form" method="post" enctype="text/plain" action="URL/jobs/greet/pause">
  <input name='{"reason": "' value='"}'></form>
<form id="login" method="post" action="URL/login"><input name="token" value="TOKEN"></form>
<iframe src="URL/jobs/greet/act"></iframe>
"""


def test_pages_of_other_sites_do_nothing_in_the_name_of_one_who_is_logged_in(
    tmp_path: Path, look: Look
) -> None:
    with greeting(tmp_path) as server:
        made = token(tmp_path, "ann", "--role", "operate")
        theirs = token(tmp_path, "mallory")
        viewer = look(server.url)
        page = viewer.open("/login?next=/jobs")
        page.get_by_label("Token").fill(made)
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("#job-greet a.more")).to_be_visible()
        with foreign_site(ATTACKS.replace("URL", server.url).replace("TOKEN", theirs)) as url:
            evil = viewer.context.new_page()
            evil.goto(url)
            expect(evil).to_have_title(" ".join(["rejected"] * 6))
            [_, frame] = evil.frames
            assert "greet" not in (frame.content() if frame.url.startswith("http") else "")
            for form in ("form", "login"):
                evil.goto(url)
                with evil.expect_navigation():
                    evil.evaluate(f"document.getElementById('{form}').submit()")
                assert "may not operate this server" in evil.inner_text("h1")
        page.reload()
        expect(page.get_by_text("ann")).to_be_visible()
        expect(page.locator("#job-greet")).not_to_contain_text("paused")
        assert server.get("/jobs/greet")["job"]["paused"] is None
        assert any("CORS policy" in each for each in viewer.complaints)
        viewer.forgive("CORS policy", "X-Frame-Options", "frame-ancestors")


def test_a_login_leads_to_no_other_site(tmp_path: Path, look: Look) -> None:
    with serving(tmp_path) as server:
        made = token(tmp_path, "ann", "--role", "operate")
        for place in ("//evil.example/", "/%5Cevil.example", "https://evil.example/", "/%09/evil.example"):
            page = look(server.url).open(f"/login?next={place}")
            page.get_by_label("Token").fill(made)
            page.get_by_role("button", name="Log in").click()
            expect(page).to_have_url(f"{server.url}/")
