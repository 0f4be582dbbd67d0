// What runs on every page. Each module stands for one thing, and what a page says is there without any of them; a
// browser that can waits for them before it draws the page. The scripts of some pages take from here what they share.
import { tick } from "./app/times.js";
import { listen } from "./app/keys.js";
import { choose } from "./app/theme.js";
import { act } from "./app/act.js";
export { ASTRAY, byServer, instant, present, serverSays, show, span, timeOf } from "./app/times.js";
export { say } from "./app/said.js";

// Who logs in comes back to the same place of this page.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("p.who a");
  if (link) link.hash = location.hash;
});

tick();
listen();
act();
choose();
// What follows the server, and what can wait, is loaded once the page is shown, which it would otherwise hold up. A page
// that has come is first shown some frames later.
const FRAMES = 100;
addEventListener("load", () => setTimeout(() => {
  document.documentElement.dataset.shown = "";
  if (document.body.dataset.live) import("./live.js").then(({ follow }) => follow(), stands).catch(tells);
  if (document.querySelector("svg[data-columns]")) import("./columns.js").then(({ listen }) => listen(), () => {});
}, FRAMES));

// A page that does not follow must not look as if it did. It is loaded anew once the server is there, since a browser may
// keep that a module did not come; but not again and again, where something else than the server holds it back. When that
// was tried last stands in the history, which a page has also where a browser keeps nothing else.
const TRY = 3000;
const RARELY = 60000;

function tells() {
  const line = document.getElementById("link");
  line.textContent = "This page does not follow what happens: its scripts did not come, or failed.";
  line.hidden = false;
}

function stands() {
  tells();
  const left = (history.state?.tried ?? 0) + RARELY - Date.now();
  setTimeout(loadAnew, Math.min(Math.max(TRY, left), RARELY)); // the clock may have been set back
}

async function loadAnew() {
  const signal = AbortSignal.timeout(TRY);
  const answer = await fetch(new URL("./live.js", import.meta.url), { cache: "no-store", signal }).catch(() => null);
  const hasCome = answer?.ok && answer.headers.get("Content-Type")?.includes("javascript"); // no other program answers
  if (!hasCome || isInUse()) return void setTimeout(loadAnew, TRY);
  history.replaceState({ ...history.state, tried: Date.now() }, "");
  location.reload();
}

// What one types, or has marked, would be lost.
function isInUse() {
  const marked = document.getSelection();
  return document.activeElement?.matches("input, textarea, select") || (marked && !marked.isCollapsed) || document.querySelector("dialog[open]");
}

// On a phone the pages stand in one line, which begins where the current one can be seen.
const ways = document.querySelector(".ways");
const here = ways?.querySelector("[aria-current]");
if (here && matchMedia("(max-width: 46rem)").matches) ways.scrollLeft = here.offsetLeft - (ways.clientWidth - here.offsetWidth) / 2;
