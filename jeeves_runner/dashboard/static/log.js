// The log of a run: as it grows, with its colours, to be searched, followed and pointed at.
import { LogText } from "./log_text.js";
import { LogView } from "./log_view.js";
import { LogSearch } from "./log_search.js";
import { follow } from "./log_stream.js";
import { button, element, remember, remembered, toolbar } from "./log_tools.js";
import { span } from "./times.js";

let begun = null;

// Also where a run that waited has started while its page was open.
function start() {
  const place = document.getElementById("log");
  if (!place || place === begun) return;
  begun = place;
  begin(place);
}

start();
document.addEventListener("jeeves:shown", start);

function begin(place) {
  const log = new LogText();
  const bar = element("div", "log-bar");
  const box = element("div", "log-box");
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", "What the run wrote");
  const foot = element("p", "log-foot");
  foot.hidden = true;
  const fresh = button("log-fresh", "");
  fresh.hidden = true;
  const frame = element("div", "log-frame");
  frame.append(box, fresh);

  let grows = place.dataset.grows === "true";
  let seen = 0; // the last line when the end was let go of
  let chosen = chosenLines();
  let goesTo = chosen && chosen[0]; // the line to be shown once it is there
  let isFirst = true;
  let trouble = ""; // why there is no more of it

  const view = new LogView(box, log, decorate);
  const search = new LogSearch(log, told);
  const tools = toolbar(bar, place);

  function decorate(number, row) {
    if (chosen && number >= chosen[0] && number <= chosen[1]) row.classList.add("log-chosen");
    if (search.here === number) row.classList.add("log-found");
    search.mark(number, row.lastChild);
  }

  // What is there by now, shown in one go: the tail of the page stays until then.
  function appear() {
    if (!isFirst) return;
    isFirst = false;
    place.replaceChildren(bar, frame, foot);
    view.measure();
  }

  // Without a line there is nothing to be searched.
  function sayWhetherEmpty() {
    const isEmpty = !log.lines.length;
    bar.hidden = frame.hidden = isEmpty;
    if (trouble) foot.textContent = trouble;
    else if (grows) foot.textContent = isEmpty ? "Nothing is written yet." : "";
    foot.hidden = !foot.hasChildNodes();
  }

  function grown(first) {
    appear();
    const gone = log.bound();
    if (gone) {
      search.dropped();
      view.dropped(gone);
    }
    view.changed(first);
    search.changed(first);
    pinned();
    if (goesTo !== null && log.last >= goesTo) {
      view.go(goesTo);
      goesTo = null;
    }
  }

  function pinned() {
    sayWhetherEmpty();
    tools.follow.setAttribute("aria-pressed", view.isPinned);
    if (view.isPinned) seen = log.last;
    const count = log.last - seen;
    fresh.hidden = view.isPinned || count <= 0 || !tools.wasFollowing;
    fresh.textContent = `↓ ${count.toLocaleString("en")} new ${count === 1 ? "line" : "lines"}`;
  }

  function told() {
    const { found, here } = search;
    if (!search.pattern) tools.count.textContent = "";
    else if (!found.length) tools.count.textContent = search.isLooking ? "…" : "none";
    else {
      const at = here === null ? "" : `${(found.indexOf(here) + 1).toLocaleString("en")} of `;
      tools.count.textContent = `${at}${found.length.toLocaleString("en")}${search.isLooking ? "…" : ""}`;
    }
    for (const each of [tools.up, tools.down]) each.disabled = !found.length;
    // The first one from where one looks, and only if there is none, the first of all.
    if (tools.isFresh && found.length && (!search.isLooking || found.at(-1) >= view.top())) step(1);
  }

  function step(by) {
    const number = search.step(view.top(), by);
    if (number === null) return; // what is still looked for is shown once it is found
    tools.isFresh = false;
    // What is found may be in what is left out of a long line.
    const shown = log.shown(number, false).pieces.map((piece) => piece.text).join("").slice(0, 4000);
    if (!search.pattern.test(shown)) view.whole.add(number);
    leave();
    view.forget();
    view.go(number);
    told();
    pinned();
  }

  // The end is not followed any more.
  function leave() {
    if (view.isPinned) seen = log.last;
    view.isPinned = false;
  }

  function ended({ run, retry }) {
    grows = false;
    trouble = "";
    tools.follow.hidden = true;
    tools.wasFollowing = false;
    place.dataset.ended = "";
    foot.replaceChildren(...ending(run, retry, log.lines.length > 0));
    appear();
    pinned();
  }

  function troubled(why) {
    trouble = why;
    delete place.dataset.lost;
    appear();
    pinned();
  }

  const changes = {
    gone({ detail }) { troubled(`There is no more of this log: ${detail}.`); },
    unreadable() { troubled("The server cannot read the file of this log. Its own log says why. It is tried again every 30 s."); },
    text({ text }) {
      trouble = "";
      const from = log.add(text);
      grown(from);
    },
    cut({ bytes }) {
      log.cut(bytes);
      grown(log.last);
    },
    reset() {
      log.clear();
      view.begin();
      search.start(tools.field.value);
    },
    end: ended,
    lost() { place.dataset.lost = ""; },
    there() {
      delete place.dataset.lost;
      if (!grows) return;
      appear();
      pinned();
    },
  };

  // Ways to use it.
  box.addEventListener("jeeves:pinned", () => {
    if (!view.isPinned) seen = log.last;
    pinned();
  });
  fresh.addEventListener("click", () => { view.pin(); pinned(); });
  tools.follow.addEventListener("click", () => { view.isPinned ? leave() : view.pin(); pinned(); });
  tools.wrap.addEventListener("click", () => wrap(!view.isWrapped));
  tools.large.addEventListener("click", () => enlarge(!("large" in place.dataset)));
  tools.up.addEventListener("click", () => step(-1));
  tools.down.addEventListener("click", () => step(1));
  tools.field.addEventListener("input", () => {
    tools.isFresh = true;
    search.start(tools.field.value);
    view.again();
  });
  tools.field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    step(event.shiftKey ? -1 : 1);
  });

  function wrap(isWrapped) {
    tools.wrap.setAttribute("aria-pressed", isWrapped);
    view.wrap(isWrapped);
    remember("wrap", isWrapped);
  }

  function enlarge(isLarge) {
    if (isLarge) place.dataset.large = "";
    else delete place.dataset.large;
    tools.large.setAttribute("aria-pressed", isLarge);
    document.documentElement.classList.toggle("log-is-large", isLarge);
    box.focus();
  }

  box.addEventListener("click", (event) => {
    const whole = event.target.closest?.("button[data-whole]");
    if (whole) {
      view.whole.add(Number(whole.dataset.whole));
      return view.changed(Number(whole.dataset.whole));
    }
    const link = event.target.closest?.("a.log-number");
    if (!link) return;
    event.preventDefault();
    const number = Number(link.textContent);
    const others = event.shiftKey && chosen ? [chosen[0], number].sort((one, two) => one - two) : [number, number];
    const [from, to] = others;
    history.replaceState(null, "", from === to ? `#L${from}` : `#L${from}-L${to}`);
    choose();
  });

  function choose() {
    chosen = chosenLines();
    for (const [number, node] of view.nodes) {
      node.classList.toggle("log-chosen", Boolean(chosen) && number >= chosen[0] && number <= chosen[1]);
    }
  }

  window.addEventListener("hashchange", () => {
    choose();
    if (chosen) { leave(); view.go(chosen[0]); pinned(); }
  });

  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    const isTyping = event.target.closest?.("input, textarea, select");
    if (event.key === "f" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
      // The browser would search what is in the page alone. Who asks twice gets that.
      if (document.activeElement === tools.field || log.lines.length <= view.nodes.size) return;
      event.preventDefault();
      tools.field.focus();
      tools.field.select();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
    if (event.key === "n" || event.key === "N") step(event.key === "n" ? 1 : -1);
    if (event.key === "Escape" && "large" in place.dataset) enlarge(false);
  });
  // In the box the arrows scroll, and do not go through the rows of tables.
  box.addEventListener("keydown", (event) => {
    if (event.key.startsWith("Arrow")) event.stopPropagation();
  });

  if (remembered("wrap")) wrap(true);
  tools.follow.hidden = !grows;
  tools.wasFollowing = grows;
  view.isPinned = !chosen && (grows || place.dataset.bad === "true");
  follow(place.dataset.run, () => grows, (kind, data) => changes[kind]?.(data));
}

function chosenLines() {
  const found = /^#L(\d{1,9})(?:-L(\d{1,9}))?$/.exec(location.hash);
  if (!found) return null;
  const first = Number(found[1]);
  return [first, Math.max(first, Number(found[2] || first))];
}

// How a run ended, and where its next attempt is.
function ending(run, retry, hasWritten) {
  const ms = run.duration_ms;
  const short = ms < 1000 ? `${ms}ms` : `${(Math.floor(ms / 100) / 10).toFixed(1)}s`;
  const took = ms === null ? "" : ` after ${ms < 10000 ? short : span(ms)}`;
  const status = element("strong");
  status.textContent = run.status;
  const rest = `${took}${run.message ? `: ${run.message}` : ""}.`;
  const said = [hasWritten ? "It ended " : "It wrote nothing, and ended ", status, rest];
  if (!retry) return said;
  const link = element("a");
  link.href = `/runs/${retry.id}`;
  link.textContent = `attempt ${retry.attempt}, run #${retry.id}`;
  return [...said, " It goes on in ", link, "."];
}
