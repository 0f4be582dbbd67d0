// The timeline in the viewer's zone: its axis on full hours there, now that moves on, keys that go through time,
// and a card that says more of the run under the pointer.
import { again } from "./live.js";
import { instant, present, show, span } from "./app.js";

const MINUTE = 60000;
const plot = () => document.getElementById("plot");

// Where a time lies, in percent of the width.
function place(at, { dataset }) {
  return (at - dataset.begin) / (dataset.end - dataset.begin) * 100;
}

// The server puts marks where the hours of UTC are: here they are moved to those of the viewer.
function axis(shown) {
  const { begin, end, tick } = shown.dataset;
  for (const each of shown.querySelectorAll(".tick")) {
    const time = each.querySelector("time");
    const at = Date.parse(time.dateTime);
    const offset = -new Date(at).getTimezoneOffset() * MINUTE;
    let here = at - ((offset % tick) + Number(tick)) % tick;
    if (here < begin) here += Number(tick) * Math.ceil((end - begin) / tick);
    const x = here < end ? place(here, shown) : 200;
    each.querySelector("line").setAttribute("x1", `${x}%`);
    each.querySelector("line").setAttribute("x2", `${x}%`);
    each.querySelector("foreignObject").setAttribute("x", `${x}%`);
    time.dateTime = new Date(here).toISOString();
    time.title = "";
  }
  show(shown);
}

// Now moves on, and what runs grows with it; where it leaves the picture, the page comes again.
function moveOn() {
  const shown = plot();
  if (!shown || !("now" in shown.dataset) || document.hidden) return;
  const now = present();
  if (now >= shown.dataset.end) return again();
  const x = place(now, shown);
  const line = document.getElementById("now");
  line.setAttribute("x1", `${x}%`);
  line.setAttribute("x2", `${x}%`);
  for (const each of shown.querySelectorAll("a[data-kind=run] rect.run")) {
    each.setAttribute("width", `${Math.max(0.2, x - parseFloat(each.getAttribute("x")))}%`);
  }
}

// The words of a mark are its title; while the card shows, the browser is not to show them besides. They are
// remembered, because a page that comes again brings back the title of all but what is in focus.
const wordsOf = new WeakMap();
const time = (ms) => instant(new Date(ms));

function card(mark) {
  const title = mark.querySelector("title");
  if (title) {
    wordsOf.set(mark, title.textContent);
    title.remove();
  }
  const words = wordsOf.get(mark);
  mark.setAttribute("aria-label", words);
  const [begin, started, end] = mark.dataset.at.split(" ").map(Number);
  const said = document.createElement("strong");
  said.textContent = words.split(",").slice(0, mark.dataset.kind === "many" ? 2 : 1).join(",");
  const facts = document.createElement("dl");
  const row = mark.closest("tr");
  const rows = [["Job", row.querySelector("th").textContent.trim()]];
  if (mark.dataset.kind !== "run") rows.push(["From", time(begin)], ...(end > begin ? [["To", time(end)]] : []));
  else if (started) rows.push(["Waited", span(started - begin)], ["Started", time(started)], ["Ran", span(end - started)]);
  else rows.push(["Since", time(begin)], ["Waited", span(end - begin)]);
  const why = words.split(": ")[1];
  if (why) rows.push(["Why", why]);
  for (const [name, value] of rows) {
    const [term, what] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    what.textContent = value;
    facts.append(term, what);
  }
  const made = document.createElement("div");
  made.className = "card-of";
  made.id = "card-of";
  made.append(said, facts);
  return made;
}

let told = null; // the mark of which the card says more

function hide() {
  told = null;
  document.getElementById("card-of")?.remove();
}

// A run that was short is a pixel wide: what the pointer comes near to counts as under it.
const REACH = 6;
const NOWHERE = { clientX: -1, clientY: -1 };
let at = NOWHERE; // the pointer

function under({ target, clientX, clientY }) {
  const mark = target?.closest?.(".lane a");
  if (mark) return mark;
  let [found, least] = [null, REACH];
  for (const each of target?.closest?.(".lane")?.querySelectorAll("a") ?? []) {
    const { left, right, top, bottom } = each.getBoundingClientRect();
    const far = Math.max(left - clientX, clientX - right, top - clientY, clientY - bottom);
    if (far < least) [found, least] = [each, far];
  }
  return found;
}

function hover(mark) {
  hide();
  told = mark;
  const made = card(mark);
  document.body.append(made);
  const box = mark.getBoundingClientRect();
  const left = Math.min(Math.max(8, box.left + box.width / 2 - made.offsetWidth / 2), innerWidth - made.offsetWidth - 8);
  const below = box.bottom + 8;
  made.style.left = `${left}px`;
  made.style.top = `${below + made.offsetHeight > innerHeight ? box.top - made.offsetHeight - 8 : below}px`;
}

// Left and right walk through the marks of a row where one is in focus, else through time.
function walk(by) {
  const row = document.activeElement?.closest?.(".lanes tr");
  if (!row) return false;
  const marks = [...row.querySelectorAll(".lane a")].sort((one, other) => parseInt(one.dataset.at) - parseInt(other.dataset.at));
  const here = marks.indexOf(document.activeElement);
  const next = here < 0 ? (by < 0 ? marks.length - 1 : 0) : here + by;
  marks[next]?.focus();
  return true;
}

function zoom(by) {
  const links = [...document.querySelectorAll("#zooms a")];
  links[links.findIndex((link) => link.hasAttribute("aria-current")) + by]?.click();
}

const KEYS = {
  ArrowLeft: () => walk(-1) || document.getElementById("earlier")?.click(),
  ArrowRight: () => walk(1) || document.getElementById("later")?.click(),
  h: () => document.getElementById("earlier")?.click(),
  l: () => document.getElementById("later")?.click(),
  n: () => document.getElementById("newest")?.click(),
  "+": () => zoom(-1),
  "-": () => zoom(1),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest("input, textarea, select, [contenteditable]") || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});
document.addEventListener("focusin", ({ target }) => {
  const mark = target.closest?.(".lane a");
  if (mark) hover(mark); else hide();
});
document.addEventListener("pointermove", (event) => {
  at = { clientX: event.clientX, clientY: event.clientY };
  const mark = under(event);
  event.target.closest?.(".lane")?.classList.toggle("near", mark !== null);
  if (mark !== told) mark ? hover(mark) : hide();
}, { passive: true });
document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  if (event.target.closest?.("a")) return;
  const mark = under(event);
  if (mark) location.assign(mark.href.baseVal);
});
document.documentElement.addEventListener("pointerleave", () => { at = NOWHERE; hide(); });
addEventListener("scroll", hide, { passive: true });
document.addEventListener("jeeves:shown", () => {
  ready();
  const pointed = () => under({ target: document.elementFromPoint(at.clientX, at.clientY), ...at });
  const mark = document.querySelector(".lane a:focus") ?? pointed();
  if (mark) hover(mark); else hide();
});
setInterval(moveOn, 1000);

function ready() {
  const shown = plot();
  if (!shown) return;
  axis(shown);
  moveOn();
}
ready();
