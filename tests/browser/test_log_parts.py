"""The parts of the log's script, asked in a browser: lines are the same wherever their text is cut, and the
rows of lines are counted right."""

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route
from support.browser import Viewer
from support.server import serving

pytestmark = pytest.mark.browser

Look = Callable[..., Viewer]

PARTS = resources.files("jeeves_runner.dashboard").joinpath("static", "log")

SAME_LINES = """async (place) => {
  const { LogText } = await import(place + "text.js");
  const text = "plain\\n\\x1b[1;31mred\\n still \\x1b[38;5;208mred\\x1b[0m\\n\\n50%\\r\\r100%\\r\\n"
    + "1\\r\\x1b[31m2\\r\\x1b[1m3\\rlast\\x1b[0m\\x1b[\\nend \\x1b[38;2;1;2;3mx";
  const told = (log) => JSON.stringify(log.lines.map((_, at) => log.shown(log.first + at, false)));
  const whole = new LogText();
  whole.add(text);
  let seed = 7;
  const random = (most) => (seed = (seed * 16807) % 2147483647) % most;
  for (let round = 0; round < 300; round++) {
    const log = new LogText();
    for (let at = 0; at < text.length;) {
      const end = at + 1 + random(12);
      log.add(text.slice(at, end));
      log.shown(log.last, false); // as it is drawn while it grows
      at = end;
    }
    if (told(log) !== told(whole)) return [round, told(log), told(whole)];
  }
  return told(whole);
}"""

STORMS = """async (place) => {
  const { LogText } = await import(place + "text.js");
  const { LogSearch } = await import(place + "search.js");
  const storm = (each) => Array.from({ length: 200000 }, (_, at) => each(at)).join("");
  const bars = storm((at) => `\\r\\x1b[32m${at}\\x1b[0m \\x1b[1m[####]\\x1b[0m`);
  const colours = storm((at) => `\\x1b[3${at % 8}mx`);
  const said = {};
  for (const [name, text] of Object.entries({ bars, colours, bytes: "\\0a".repeat(400000) })) {
    const log = new LogText();
    const began = performance.now();
    for (let at = 0; at < text.length; at += 65536) {
      log.add(text.slice(at, at + 65536));
      log.shown(log.last, false);
    }
    const { pieces, overwritten, rest } = log.shown(1, false);
    said[name] = { pieces: pieces.length, overwritten, rest, took: performance.now() - began };
  }
  const log = new LogText();
  log.add((colours + "\\n").repeat(20));
  let longest = 0;
  let began = performance.now();
  await new Promise((done) => {
    const search = new LogSearch(log, () => {
      longest = Math.max(longest, performance.now() - began);
      setTimeout(() => { began = performance.now(); });
      if (!search.isLooking) done();
    });
    search.start("y");
  });
  return { ...said, longest };
}"""

OLDEST_GO = """async (place) => {
  const { LogText } = await import(place + "text.js");
  const log = new LogText();
  for (let at = 1; at <= 600; at++) {
    log.add(Array.from({ length: 1000 }, (_, each) => `${each} of ${at}\\n`).join(""));
  }
  const gone = log.bound();
  return [gone, log.first, log.line(log.first), log.line(log.last), log.last, log.bound()];
}"""

STEERED = """async (place) => {
  const { LogText } = await import(place + "text.js");
  const log = new LogText();
  const texts = [
    "\x1b]8;;https://example.com/a\x07a link\x1b]8;;\x07 after",
    "\x1b]8;id=1;http://b\x1b\\\\bold\x1b]8;;\x1b\\\\",
    "\x1b]0;a title\x07text", "\x1b]9;4;1;50\x07half",
    "\x1b(B\x1b[mas tput says", "\x1b[?25l\x1b[2K\x1b[1Gstep\x1b[?25h",
    "\x1b[>4;2mkeys\x1b[>4m", "\x1b7kept\x1b8\x1bM", "\x1b=\x1b>pad", "\x1bP1$r0m\x1b\\\\told",
    "\x1b[31mred\x1b]0;x\x07 on\x1b[0m",
    "\x1b]8;;no end", "\x1b[", "[31m no escape",
  ];
  log.add(texts.join("\\n"));
  const shown = (number) => log.shown(number, false).pieces.map((piece) => piece.text).join("");
  return texts.map((_, at) => [shown(at + 1), log.plain(at + 1)]);
}"""

COUNTS = """async (place) => {
  const { Sums } = await import(place + "sums.js");
  const sums = new Sums();
  const plain = [];
  let seed = 11;
  const random = (most) => (seed = (seed * 16807) % 2147483647) % most;
  for (let round = 0; round < 2000; round++) {
    const value = 1 + random(9);
    const at = random(plain.length || 1);
    if (!plain.length || random(3)) { sums.push(value); plain.push(value); }
    else { sums.set(at, value); plain[at] = value; }
  }
  let before = 0;
  for (let at = 0; at < plain.length; at++) {
    if (sums.before(at) !== before) return `before ${at}`;
    for (let row = before; row < before + plain[at]; row++) if (sums.at(row) !== at) return `at ${row}`;
    before += plain[at];
  }
  return sums.total === before && sums.at(before + 5) === plain.length - 1 ? "right" : "the end";
}"""


def asked(tmp_path: Path, look: Look, script: str) -> Any:
    """What a script says in a page, given where the parts of the log's script are, each a file."""

    def part(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        route.fulfill(body=PARTS.joinpath(name).read_text(), content_type="text/javascript")

    with serving(tmp_path) as server:
        page: Page = look(server.url).open("/runs")
        page.route("**/parts/*.js", part)
        return page.evaluate(script, "/parts/")


def test_lines_are_the_same_wherever_their_text_is_cut(tmp_path: Path, look: Look) -> None:
    said = asked(tmp_path, look, SAME_LINES)
    assert isinstance(said, str), said
    assert '{"text":" still ","style":{"bold":1,"fg":1}}' in said
    assert '{"text":"red","style":{"bold":1,"fg":208}}' in said
    assert '{"pieces":[{"text":"100%","style":{}}],"overwritten":1,"rest":0}' in said
    assert '{"text":"x","style":{"fg":"#010203"}}' in said


def test_what_steers_a_terminal_is_not_shown(tmp_path: Path, look: Look) -> None:
    said = asked(tmp_path, look, STEERED)
    assert [shown for shown, _ in said] == [
        "a link after", "bold", "text", "half", "as tput says", "step", "keys", "kept", "pad", "told",
        "red on",
        "\u241b]8;;no end", "\u241b[", "[31m no escape",
    ]  # fmt: skip
    assert [plain for _, plain in said[:11]] == [shown for shown, _ in said[:11]]


def test_a_line_of_megabytes_of_colours_is_read_once_and_shown_in_part(tmp_path: Path, look: Look) -> None:
    said = asked(tmp_path, look, STORMS)
    bars, colours, storm = said["bars"], said["colours"], said["bytes"]
    assert (bars["pieces"], bars["overwritten"], bars["rest"]) == (3, 200_000, 0)
    assert 200 < colours["pieces"] <= 300
    assert colours["rest"] > 1_000_000
    assert 200 < storm["pieces"] <= 300
    for each in (bars, colours, storm):
        assert each["took"] < 5000, said  # to read it again with each of its parts takes a minute
    assert said["longest"] < 500, said


def test_of_too_many_lines_the_oldest_go(tmp_path: Path, look: Look) -> None:
    said = asked(tmp_path, look, OLDEST_GO)
    assert said == [120_000, 120_001, "0 of 121", "999 of 600", 600_000, 0]


def test_the_rows_of_lines_are_counted_right(tmp_path: Path, look: Look) -> None:
    assert asked(tmp_path, look, COUNTS) == "right"
