// Keys: / searches, g and a letter goes to a page, arrows walk through a list, Enter opens.

let goes = 0;

const isTyping = (element) => element.closest("input, textarea, select, [contenteditable]");

export function listen() {
  document.addEventListener("click", skip);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape" && isTyping(event.target)) return leave(event);
    if (isTyping(event.target)) return;
    if (Date.now() - goes < 1500) {
      goes = 0;
      const way = document.querySelector(`.ways a[data-key="${CSS.escape(event.key)}"]`);
      if (way) { event.preventDefault(); way.click(); }
      return;
    }
    if (event.key === "g") goes = Date.now();
    else if (event.key === "/") search(event);
    else if (event.key === "ArrowDown" || event.key === "j") step(event, 1);
    else if (event.key === "ArrowUp" || event.key === "k") step(event, -1);
  });
}

// A browser would empty a field of search besides, and not say so as it does of typing.
function leave(event) {
  event.preventDefault();
  event.target.blur();
}

function search(event) {
  const field = document.querySelector("input[type=search]");
  if (!field) return;
  event.preventDefault();
  field.focus();
  field.select();
}

// Some browsers lead no keys to what a link within the page names unless it can have the focus. It cannot for long: else
// a click on a text would take the place of who reads.
function skip(event) {
  if (!event.target.matches?.("a.skip") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const main = document.getElementById("main");
  main.tabIndex = -1;
  main.focus();
  main.addEventListener("blur", () => main.removeAttribute("tabindex"), { once: true });
}

// The rows of the tables of the page, and the cards of its lists.
export const ROW = "main tbody tr, main .cards > .card";

// The link of each row that leads to what it is about: what heads it comes first.
function step(event, by) {
  const rows = [...document.querySelectorAll(ROW)]
    .map((row) => row.querySelector("th[scope=row] a") ?? row.querySelector("a")).filter(Boolean);
  if (!rows.length) return;
  const here = rows.findIndex((link) => link.closest(ROW) === document.activeElement?.closest?.(ROW));
  const next = here < 0 ? (by > 0 ? 0 : rows.length - 1) : here + by;
  if (!rows[next]) return;
  event.preventDefault();
  rows[next].focus();
}
