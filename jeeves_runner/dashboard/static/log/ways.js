// The ways to use a log: its tools, its lines under the pointer, its keys, and the address.
import { nameOf } from "./lines.js";
import { remember, remembered } from "./tools.js";

export function listen(panel) {
  byTools(panel);
  bySearch(panel);
  byLines(panel);
  byKeys(panel);
  addEventListener("hashchange", () => {
    panel.choose();
    if (panel.chosen) { panel.leave(); panel.view.go(panel.chosen[0]); panel.follow(); }
  });
}

function byTools(panel) {
  const { tools, view } = panel;
  const wrap = (isWrapped) => {
    tools.wrap.setAttribute("aria-pressed", isWrapped);
    view.wrap(isWrapped);
    remember("wrap", isWrapped);
  };
  panel.box.addEventListener("jeeves:pinned", () => {
    if (!view.isPinned) panel.seen = panel.log.last;
    panel.follow();
  });
  panel.fresh.addEventListener("click", () => panel.pin());
  tools.follow.addEventListener("click", () => {
    if (!view.isPinned) return panel.pin();
    panel.leave();
    panel.follow();
  });
  tools.wrap.addEventListener("click", () => wrap(!view.isWrapped));
  tools.large.addEventListener("click", () => enlarge(panel, !("large" in panel.place.dataset)));
  if (remembered("wrap")) wrap(true);
}

function enlarge({ place, tools, box }, isLarge) {
  if (isLarge) place.dataset.large = "";
  else delete place.dataset.large;
  tools.large.setAttribute("aria-pressed", isLarge);
  document.documentElement.classList.toggle("log-is-large", isLarge);
  box.focus();
}

function bySearch(panel) {
  const { tools, search } = panel;
  tools.up.addEventListener("click", () => panel.step(-1));
  tools.down.addEventListener("click", () => panel.step(1));
  tools.field.addEventListener("input", () => {
    tools.isFresh = true;
    search.start(tools.field.value);
    panel.view.again();
  });
  tools.field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    panel.step(event.shiftKey ? -1 : 1);
  });
}

function byLines(panel) {
  panel.box.addEventListener("click", (event) => {
    const whole = event.target.closest?.("button[data-whole]");
    if (whole) {
      panel.view.whole.add(Number(whole.dataset.whole));
      return panel.view.changed(Number(whole.dataset.whole));
    }
    const link = event.target.closest?.("a.log-number");
    if (!link) return;
    event.preventDefault();
    const number = Number(link.textContent);
    const other = event.shiftKey && panel.chosen ? panel.chosen[0] : number;
    history.replaceState(null, "", nameOf(Math.min(other, number), Math.max(other, number)));
    panel.choose();
  });
}

function byKeys(panel) {
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (event.key === "f" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) find(panel, event);
    if (!isPlain || event.target.closest?.("input, textarea, select")) return;
    if (event.key === "n" || event.key === "N") panel.step(event.key === "n" ? 1 : -1);
    if (event.key === "Escape" && "large" in panel.place.dataset) enlarge(panel, false);
  });
  // In the box the arrows scroll, and do not go through the rows of tables.
  panel.box.addEventListener("keydown", (event) => {
    if (event.key.startsWith("Arrow")) event.stopPropagation();
  });
}

// The browser would search what is in the page alone. Who asks twice gets that.
function find({ tools, log, view }, event) {
  if (document.activeElement === tools.field || log.lines.length <= view.nodes.size) return;
  event.preventDefault();
  tools.field.focus();
  tools.field.select();
}
