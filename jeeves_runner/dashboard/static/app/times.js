// Times in the viewer's zone, with UTC and the job's zone on hover; and those that pass, kept passing.

const DAY = 86400000;
const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sept", "Oct", "Nov", "Dec"];

export function span(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  for (const [unit, size, small, less] of [["d", 86400, "h", 3600], ["h", 3600, "m", 60], ["m", 60, "s", 1]]) {
    if (seconds >= size) {
      const rest = Math.floor((seconds % size) / less);
      return `${Math.floor(seconds / size)}${unit}` + (rest ? ` ${rest}${small}` : "");
    }
  }
}

// What is far enough has no seconds: else each row of a list would tick.
const calm = (ms) => span(ms < 600000 ? ms : ms - (ms % 60000));

// By how much the viewer's clock is ahead of the server's, whose times are those of a page: by the answers of the
// server, which say the second in which they were made.
let ahead = 0;
export const ASTRAY = 3000; // what is not seen: an answer takes its time, and a second is what it says

export function serverSays(date) {
  const by = Date.now() - Date.parse(date);
  if (Number.isNaN(by)) return;
  const is = Math.abs(by) < ASTRAY ? 0 : by;
  const isOther = Math.abs(is - ahead) >= ASTRAY;
  if (isOther) ahead = is;
  if (isOther) show();
}

// Now, by the clock of the server.
export const present = () => Date.now() - ahead;

// A time of the viewer's clock by that of the server.
export const byServer = (at) => new Date(at - ahead);

// On the viewer's clock. A browser's `Intl` says the same, but its first use takes longer than all else here.
const two = (number) => String(number).padStart(2, "0");
const dateOf = (when) => `${when.getFullYear()}-${two(when.getMonth() + 1)}-${two(when.getDate())}`;
export const timeOf = (when) => `${two(when.getHours())}:${two(when.getMinutes())}:${two(when.getSeconds())}`;
const dayOf = (when) => `${WEEKDAYS[when.getDay()]} ${when.getDate()} ${MONTHS[when.getMonth()]}`;

// A time below its day, which may be that of another zone.
const below = (day, when) => (dateOf(when) === day ? "" : `${WEEKDAYS[when.getDay()]} `) + timeOf(when);

// A time as it stands in a line: with its day if that is another one; a near one has a name that is enough.
export function instant(when) {
  const now = present();
  if (Math.abs(now - when) > DAY / 2) return `${dateOf(when)} ${timeOf(when)}`;
  const time = timeOf(when);
  return dayOf(when) === dayOf(new Date(now)) ? time : `${WEEKDAYS[when.getDay()]} ${time}`;
}

function axis(when) {
  const time = timeOf(when).slice(0, 5);
  return time === "00:00" ? dayOf(when) : time;
}

function said(element, when, now) {
  if (element.hasAttribute("data-hour")) return `${dayOf(when)}, ${timeOf(when).slice(0, 5)}`;
  if (element.hasAttribute("data-axis")) return axis(when);
  const passed = now - when.getTime();
  if (element.hasAttribute("data-since")) return span(Math.max(0, passed));
  if (element.hasAttribute("data-lasting")) return `for ${span(Math.max(0, passed))}`;
  if (element.hasAttribute("data-ago")) {
    if (Math.abs(passed) < 1000) return "now";
    return passed > 0 ? `${calm(passed)} ago` : `in ${calm(-passed)}`;
  }
  return element.hasAttribute("data-clock") ? below(element.dataset.clock, when) : instant(when);
}

export function show(within = document) {
  const now = present();
  for (const element of within.querySelectorAll("time[datetime]:not([data-fixed])")) {
    const when = new Date(element.dateTime);
    if (Number.isNaN(when.getTime())) continue;
    const text = said(element, when, now);
    if (element.textContent !== text) element.textContent = text;
  }
}

// What a time says under the pointer: of each zone that matters, what its clock shows.
const formats = new Map(); // to make one takes a hundred times longer than to use it

function clock(when, zone) {
  if (!formats.has(zone)) formats.set(zone, new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" }));
  return `${formats.get(zone).format(when)} ${zone}`;
}

function hover({ target }) {
  const element = target.closest?.("time[datetime]");
  const when = new Date(element?.dateTime ?? NaN);
  if (Number.isNaN(when.getTime()) || element.title) return;
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  element.title = [...new Set([here, element.dataset.zone || here, "UTC"])].map((zone) => clock(when, zone)).join("\n");
}

// Bars of how far a run is: they fill up to what is usual, and tell by their colour that it takes longer.
function move() {
  const now = present();
  for (const bar of document.querySelectorAll("svg[data-progress]")) {
    const part = (now - new Date(bar.dataset.progress).getTime()) / Number(bar.dataset.usual);
    bar.querySelector(".done").setAttribute("width", Math.max(0, Math.min(1, part)) * 100);
    bar.classList.toggle("over", part > 1.5);
  }
}

export function tick() {
  const all = () => { if (!document.hidden) { show(); move(); } };
  all();
  setInterval(all, 1000);
  document.addEventListener("pointerover", hover);
  for (const event of ["visibilitychange", "jeeves:shown"]) document.addEventListener(event, all);
}
