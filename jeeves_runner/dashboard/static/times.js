// Times in the viewer's zone, with UTC and the job's zone on hover; and those that pass, kept passing.

const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const DAY = 86400000;

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
const LITTLE = 3000; // an answer takes its time, and a second is what it says

export function serverSays(date) {
  const by = Date.now() - Date.parse(date);
  if (Number.isNaN(by)) return;
  const is = Math.abs(by) < LITTLE ? 0 : by;
  const isOther = Math.abs(is - ahead) >= LITTLE;
  if (isOther) ahead = is;
  if (isOther) show();
}

const present = () => Date.now() - ahead;

// A time of the viewer's clock by that of the server.
export const byServer = (at) => new Date(at - ahead);

// To make one takes a hundred times longer than to use it, and a list has hundreds of times.
const formats = new Map();

function clock(when, zone, withDay) {
  const key = `${zone} ${withDay}`;
  if (!formats.has(key)) {
    const day = withDay ? { year: "numeric", month: "2-digit", day: "2-digit" } : {};
    const time = { timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit", ...day };
    formats.set(key, new Intl.DateTimeFormat("sv-SE", time));
  }
  return formats.get(key).format(when);
}

// A time as it stands in a line: with its day if that is another one; a near one has a name that is enough.
export function instant(when) {
  const now = present();
  if (Math.abs(now - when) > DAY / 2) return clock(when, HERE, true);
  const time = clock(when, HERE, false);
  return dayOf(when) === dayOf(new Date(now)) ? time : `${dayOf(when).slice(0, 3)} ${time}`;
}

function hover(when, zone) {
  const said = [`${clock(when, HERE, true)} ${HERE}`];
  if (zone && zone !== HERE) said.push(`${clock(when, zone, true)} ${zone}`);
  if (HERE !== "UTC" && zone !== "UTC") said.push(`${clock(when, "UTC", true)} UTC`);
  return said.join("\n");
}

function axis(when) {
  const time = clock(when, HERE, false).slice(0, 5);
  return time === "00:00" ? dayOf(when) : time;
}

const dayOf = (when) => when.toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short" });

function said(element, when, now) {
  if (element.hasAttribute("data-hour")) return `${dayOf(when)}, ${clock(when, HERE, false).slice(0, 5)}`;
  if (element.hasAttribute("data-axis")) return axis(when);
  const passed = now - when.getTime();
  if (element.hasAttribute("data-since")) return span(Math.max(0, passed));
  if (element.hasAttribute("data-lasting")) return `for ${span(Math.max(0, passed))}`;
  if (element.hasAttribute("data-ago")) {
    if (Math.abs(passed) < 1000) return "now";
    return passed > 0 ? `${calm(passed)} ago` : `in ${calm(-passed)}`;
  }
  return element.hasAttribute("data-clock") ? clock(when, HERE, false) : instant(when);
}

export function show(within = document) {
  const now = present();
  for (const element of within.querySelectorAll("time[datetime]")) {
    const when = new Date(element.dateTime);
    if (Number.isNaN(when.getTime())) continue;
    const text = said(element, when, now);
    if (element.textContent !== text) element.textContent = text;
    if (!element.title) element.title = hover(when, element.dataset.zone);
  }
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
  for (const event of ["visibilitychange", "jeeves:shown"]) document.addEventListener(event, all);
}
