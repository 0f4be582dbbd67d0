// A page that stays true: told of changes by one stream for all tabs of this browser, it comes again for itself
// and puts the difference in its place. The server says how often it may.
import { keepFocus } from "./live/focus.js";
import * as link from "./live/link.js";
import { ASTRAY, present, serverSays, show } from "./app.js";

const STREAM = "jeeves-stream";
const SILENT = 45000; // the server says something every 20 s or so
const LOOK = 5000;
const REOPENED = 15000;
const PATIENCE = 30000; // for one answer,
const PROMPT = 5000; // and for one that shows whether the server is there
const TROUBLED = 3000; // between two looks while the server makes no page, or none can be put in its place
const HELD = 250;
const TYPED = 80;
const LONGEST = 2 ** 31 - 60000; // what a timer can wait
const OF_THE_FRAME = ["sync", "alert", "lock"]; // all pages that follow anything show these above all else
const OURS = 'link[href^="/static/"][href*="/style.css"]'; // every page of this server has it
const MORPH = new URL("./idiomorph.js", import.meta.url); // it is no module
const parser = new DOMParser();

let wanted = false; // something has changed that this page shows
let asking = false;
let pace = 1000;
let askedAt = 0;
let timer = 0;
let ends = 0;
let tag = null; // of what is shown, once it came by this script
let silentSince = null; // when something came by the stream last, if that is long ago
let loading = null; // of what puts differences in their place
let acted = false; // what comes next is to show what the viewer has done

export function follow() {
  if (!document.body.dataset.live) return;
  const kinds = [...document.body.dataset.live.split(" "), ...OF_THE_FRAME];
  const job = document.body.dataset.job;
  const told = (change) => {
    if (!change.kinds) { // the stream has begun, maybe that of another server with a pace of its own, or is silent
      askedAt = 0;
      return again();
    }
    if (document.hidden && change.kinds.includes("alert")) glance();
    if (!change.kinds.some((kind) => kinds.includes(kind))) return;
    if (job && change.jobs && !change.jobs.includes(job) && change.kinds.every((kind) => kind === "run")) return;
    again();
  };
  share(told);
  again(); // something may have happened since this page was made, and another tab was told of it
  comeAtEnds();
  document.addEventListener("jeeves:shown", comeAtEnds);
  loaded();
  document.addEventListener("visibilitychange", () => document.hidden || plan());
  document.addEventListener("jeeves:acted", () => { askedAt = 0; acted = true; again(); });
  document.addEventListener("jeeves:typed", () => { askedAt = 0; again(TYPED); });
}

// One tab holds the stream and tells the others; when it is closed, the next one takes its place. Each has its own where
// the connection is not secure, and where a browser keeps nothing for pages: there it may have no channels, or no locks.
function share(told) {
  const take = (message) => {
    silentSince = message.link === "silent" ? message.at : null;
    if (message.link === "lost") link.lost(message.at);
    else if (message.link === "silent") told({});
    else if (message.link) link.there();
    else told(message);
  };
  const channel = navigator.locks && opened();
  if (!channel) return stream(take);
  channel.onmessage = ({ data }) => take(data);
  const tell = (message) => { channel.postMessage(message); take(message); };
  navigator.locks.request(STREAM, () => new Promise(() => stream(tell))).catch(() => stream(take));
}

function opened() {
  try { return new BroadcastChannel(STREAM); } catch { return null; }
}

function stream(tell) {
  let heard = Date.now();
  let opened = 0;
  let source = null;
  const open = () => {
    opened = Date.now();
    source?.close();
    source = new EventSource("/events?brief=true");
    for (const kind of ["ready", "reset"]) source.addEventListener(kind, () => { alive(); tell({}); });
    source.addEventListener("changed", (event) => { alive(); tell(JSON.parse(event.data)); });
    source.addEventListener("closed", alive);
    source.onopen = alive;
    source.onerror = () => {
      tell({ link: "lost", at: heard });
      if (source.readyState === EventSource.CLOSED) setTimeout(open, 3000);
    };
  };
  const alive = () => { heard = Date.now(); tell({ link: "there", at: heard }); };
  // A network that is gone says nothing, so the stream may never end by itself; and a proxy may hold all of it
  // back. The pages ask then at intervals, and so find out which it is. A clock may be set, also back.
  setInterval(() => {
    if (Math.abs(Date.now() - heard) < SILENT || Math.abs(Date.now() - opened) < REOPENED) return;
    open();
    tell({ link: "silent", at: heard });
  }, LOOK);
  open();
}

// What is over by the time alone is no change that the server tells of. By its clock it may not be over yet.
function comeAtEnds() {
  clearTimeout(ends);
  const left = [...document.querySelectorAll("time[data-ends]")].map((each) => Date.parse(each.dateTime) - present());
  const next = Math.max(0, Math.min(...left.filter((ms) => ms > -ASTRAY - pace))) + pace;
  if (next < LONGEST) ends = setTimeout(() => { again(); comeAtEnds(); }, next);
}

export function again(held = HELD) {
  wanted = true;
  plan(held);
}

function plan(held = HELD) {
  if (!wanted || asking || document.hidden) return;
  clearTimeout(timer);
  const left = Math.min(pace, askedAt + pace - Date.now()); // the clock may have been set back
  timer = setTimeout(come, Math.max(held, left));
}

async function come() {
  if (document.hidden || isBusy()) return void (timer = setTimeout(come, pace));
  wanted = false;
  asking = true;
  askedAt = Date.now();
  try {
    const page = await asked();
    if (page === null) return;
    if (await loaded()) {
      put(page);
      link.isTrue();
    } else {
      [wanted, tag] = [true, null];
      link.there();
      link.refused("a script of this page did not come");
      pace = Math.max(pace, TROUBLED);
    }
  } finally {
    asking = false;
    plan();
  }
}

// Whether differences can be put in their place. What does it is asked for again if it has not come.
function loaded() {
  return loading ??= new Promise((done) => {
    const script = document.createElement("script");
    const end = (has) => { script.remove(); if (!has) loading = null; done(has); };
    script.src = MORPH;
    script.onload = () => end(true);
    script.onerror = () => end(false);
    document.head.append(script);
  });
}

// This page as it is now; null if it is what is shown, or the server is away or does not make it: then a line
// says so, and what may pass is asked again.
async function asked() {
  const headers = { Accept: "text/html", ...(!acted && { "Jeeves-Refresh": "1" }), ...(tag && { "If-None-Match": tag }) };
  acted = false;
  let answer, text;
  try {
    answer = await fetch(location.href, { headers, cache: "no-store", signal: AbortSignal.timeout(silentSince === null ? PATIENCE : PROMPT) });
    text = await answer.text();
  } catch {
    if (silentSince !== null) link.lost(silentSince);
    wanted = true;
    return null;
  }
  const page = parser.parseFromString(text, "text/html");
  // While the server is away, a proxy or another program may answer: were that shown, nothing would come back from it.
  // By a 401 or a redirect a proxy may want to let people in: those are shown.
  if ([200, 404].includes(answer.status) && !answer.redirected && !page.querySelector(OURS)) {
    return refused("another program answers in the place of the server");
  }
  serverSays(answer.headers.get("Date"));
  if (answer.status === 401 || answer.status === 404) { // the answer says what is wrong
    location.reload();
    return null;
  }
  if (!answer.ok && answer.status !== 304) return refusedWith(answer.status, page);
  pace = Number(answer.headers.get("Jeeves-Pace")) || pace;
  if (answer.headers.get("Jeeves-Old")) wanted = true;
  if (answer.status === 304) {
    link.isTrue();
    return null;
  }
  tag = answer.headers.get("ETag");
  if (!answer.redirected) return page;
  location.replace(answer.url); // it is another page by now, such as that of a renamed job
  return null;
}

function refusedWith(status, page) {
  const said = page.querySelector("h1")?.textContent.trim();
  return refused(said || `the server answers with ${status}`, status >= 500 || status === 429);
}

function refused(why, mayPass = true) {
  link.refused(why);
  if (mayPass) {
    wanted = true;
    pace = Math.max(pace, TROUBLED);
  }
  return null;
}

// While text is being marked, or a dialog is open, nothing is moved away from under the viewer.
function isBusy() {
  const marked = document.getSelection();
  const main = document.getElementById("main");
  return (marked && !marked.isCollapsed && main.contains(marked.anchorNode)) || document.querySelector("dialog[open]");
}

// A tab in the background does not come again, and yet its title and its icon say that something is wrong.
async function glance() {
  const answer = await fetch("/status", { headers: { Accept: "application/json" } }).catch(() => null);
  if (!answer?.ok || !document.hidden) return;
  const wrong = (await answer.json()).health.incidents_open;
  const icon = document.getElementById("icon");
  document.title = (wrong ? `(${wrong}) ` : "") + document.title.replace(/^\(\d+\) /, "");
  icon.href = wrong ? icon.dataset.bad : icon.dataset.well;
}

// Of another version of the server, or for one who may do other things: its scripts and styles are others.
const loads = (page) => [...page.querySelectorAll("script[src], link[rel=stylesheet]")].map((each) => each.getAttribute("src") ?? each.getAttribute("href")).join();

function put(page) {
  if (loads(page) !== loads(document)) return location.reload();
  document.title = page.title;
  document.getElementById("icon").href = page.getElementById("icon").href;
  keepFocus(() => {
    for (const id of ["mark", "vitals", "ways", "main"]) {
      const now = page.getElementById(id);
      show(now);
      if (id !== "main") Idiomorph.morph(document.getElementById(id), now, how);
      // It may have the focus, see app/keys.js: of such an element Idiomorph leaves all as it is.
      else Idiomorph.morph(document.getElementById(id), [...now.childNodes], { ...how, morphStyle: "innerHTML" });
    }
  });
  document.dispatchEvent(new CustomEvent("jeeves:shown"));
}

// What the viewer has opened stays open, and what a script of the page keeps is left to it.
const callbacks = {
  beforeNodeMorphed: (old) => !(old.dataset && "keep" in old.dataset),
  beforeNodeRemoved: (old) => !old.matches?.("svg[data-columns] > title"), // under the pointer, see columns.js
  beforeAttributeUpdated: (name, node) => !(name === "open" && (node.tagName === "DETAILS" || node.tagName === "DIALOG")),
};
const how = { ignoreActiveValue: true, callbacks };
