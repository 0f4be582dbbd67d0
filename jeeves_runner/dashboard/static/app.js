// What runs on every page. Each module stands for one thing, and a page is whole without any of them. The scripts
// of some pages take from here what they share.
import { tick } from "./app/times.js";
import { listen } from "./app/keys.js";
import { choose } from "./app/theme.js";
import "./app/act.js";
export { byServer, instant, present, serverSays, show, span, timeOf } from "./app/times.js";
export { say } from "./app/said.js";

// Who logs in comes back to the same place of this page.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("p.who a");
  if (link) link.hash = location.hash;
});

tick();
listen();
choose();
// What follows the server, and what can wait, is loaded once the page is shown, which it would otherwise hold up. A page
// that has come is first shown some frames later.
const FRAMES = 100;
addEventListener("load", () => setTimeout(() => {
  document.documentElement.dataset.shown = "";
  import("./live.js").then(({ follow }) => follow(), stands);
  if (document.querySelector("svg[data-columns]")) import("./columns.js").then(({ listen }) => listen(), () => {});
}, FRAMES));

// A page that does not follow must not look as if it did. It is loaded anew once the server is there, since a browser may
// keep that a module did not come; but not again and again, where something else than the server holds it back.
const TRIED = "jeeves-tried";
const TRY = 3000;
const RARELY = 60000;

function stands() {
  const line = document.getElementById("link");
  line.textContent = "This page does not follow what happens: its scripts did not come.";
  line.hidden = false;
  if (Date.now() - Number(sessionStorage.getItem(TRIED)) < RARELY) return;
  const trying = setInterval(async () => {
    const answer = await fetch(new URL("./live.js", import.meta.url), { cache: "no-store" }).catch(() => null);
    if (!answer?.ok || document.querySelector("dialog[open]")) return;
    clearInterval(trying);
    sessionStorage.setItem(TRIED, Date.now());
    location.reload();
  }, TRY);
}

// On a phone the pages stand in one line, which begins where the current one can be seen.
const ways = document.querySelector(".ways");
const here = ways?.querySelector("[aria-current]");
if (here && matchMedia("(max-width: 46rem)").matches) ways.scrollLeft = here.offsetLeft - (ways.clientWidth - here.offsetWidth) / 2;
