// Acting. A link `data-act` leads to a page of forms; here it opens the form in a dialog, over the page that one
// looks at. A form `data-act` says in words what it will do, and is sent as JSON to the route of the API that
// `data-path` names: its guard decides, and its audit tells. What came of it stands in a note.
//
//   data-body       JSON that is sent besides the fields
//   data-told       what the note says; {a.b} is a value of the answer, {sent.a} one of what was sent, {a.b|else} has
//                   a text for none, and {a.b?text} is a text for some, with # for how many
//   data-goes       a page that the note leads to, in the same way
//   data-stands     names the `data-stand` beside it that tells how that is which it changes: it is sent only while
//                   that is so, or once it was said that it is otherwise by now
//   data-gone       a page that is no more once it is done: who is there is led back to that of `data-close`
//   on a field      its name is its key, `params.x` one of `params`. An empty one is left out, and so is one that
//                   is as `data-default` says; with a default, an empty `data-text` is a value.
//   button data-set puts `data-value` into the field of that name; data-close ends the dialog
import { ROW } from "./keys.js";
import { say as tell } from "./said.js";
import { show } from "./times.js";

const SHORT = 12000;
const PROMPT = 1500; // an answer that takes longer is waited for in words
const SAID = "jeeves-said"; // what was done on a page that is gone, told on the next one
const parser = new DOMParser();
let dialog = null;

// Keys that lead to a page come first: see keys.js.
export function act() {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const at = event.target.closest?.("a[data-act], [data-close], button[data-set], .choose a");
    if (!at) return;
    if (at.matches("button[data-set]")) return set(at);
    if (at.matches("[data-close]")) return dialog?.contains(at) && (event.preventDefault(), dialog.close());
    event.preventDefault();
    at.matches(".choose a") && dialog?.contains(at) ? choose(at.hash) : open(at.href);
  });

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-act]")) return;
    event.preventDefault();
    send(event.target);
  });

  // `a` opens what can be done with the row in which one is.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "a" || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest("input, textarea, select") || document.querySelector("dialog[open]")) return;
    event.target.closest(ROW)?.querySelector("a.more")?.click();
  });

  document.addEventListener("input", (event) => event.target.form?.matches("[data-act]") && press(event.target));

  const said = kept();
  if (said) note([said]);

  const readyAll = () => document.querySelectorAll("main form[data-act]").forEach(ready);
  document.addEventListener("jeeves:shown", readyAll);
  readyAll();
}

// The forms of a page that stands at `href`, in a dialog.
async function open(href) {
  const place = new URL(href, location.href);
  let answer;
  try {
    answer = await fetch(place.pathname + place.search, { headers: { Accept: "text/html" }, cache: "no-store" });
  } catch {
    return note(["The server is not reached."]);
  }
  if (answer.status === 401) return void location.assign(place.pathname + place.search);
  const page = parser.parseFromString(await answer.text(), "text/html");
  const forms = page.getElementById("acts");
  if (!answer.ok || !forms) return note([page.querySelector("h1")?.textContent.trim() || `It is answered with ${answer.status}.`]);
  const body = box().querySelector(".body");
  body.replaceChildren(...document.importNode(forms, true).childNodes);
  dialog.dataset.from = place.pathname + place.search;
  show(body);
  body.querySelectorAll("form[data-act]").forEach(ready);
  if (!dialog.open) dialog.showModal();
  choose(place.hash);
}

function box() {
  if (dialog) return dialog;
  dialog = document.createElement("dialog");
  dialog.className = "acting";
  const body = document.createElement("div");
  body.className = "body";
  dialog.append(body);
  dialog.addEventListener("close", () => body.replaceChildren()); // secrets are not kept
  document.body.append(dialog);
  return dialog;
}

// One form of the dialog, the only one, or what there is to choose from.
function choose(hash) {
  const forms = [...dialog.querySelectorAll("form[data-act]")];
  const chosen = forms.find((form) => `#${form.id}` === hash) || (forms.length === 1 ? forms[0] : null);
  for (const form of forms) form.hidden = form !== chosen;
  const list = dialog.querySelector(".choose");
  if (list) list.hidden = chosen !== null;
  const named = chosen ? chosen.querySelector("h2") : list?.querySelector("h2");
  if (named) dialog.setAttribute("aria-labelledby", named.id);
  (chosen?.querySelector("[autofocus]") || chosen?.querySelector("input, select, textarea, .do") || list?.querySelector("a"))?.focus();
}

// A form can be sent once this script has seen it.
function ready(form) {
  form.querySelector(".do").disabled = false;
  form.querySelectorAll("input[name], textarea[name]").forEach(press);
}

function set(button) {
  const field = button.form.elements[button.dataset.set];
  field.value = button.dataset.value;
  field.focus();
  press(field);
}

// The preset that a field holds is shown as pressed.
function press(field) {
  for (const each of field.form.querySelectorAll(`button[data-set="${CSS.escape(field.name)}"]`))
    each.setAttribute("aria-pressed", String(each.dataset.value === field.value.trim()));
}

function bodyOf(form) {
  const body = JSON.parse(form.dataset.body || "{}");
  for (const field of form.elements) {
    if (!field.name || field.disabled) continue;
    if ((field.type === "checkbox" || field.type === "radio") && !field.checked) continue;
    const { default: given, text } = field.dataset;
    if (field.type !== "checkbox") {
      if (given !== undefined && field.value === given) continue;
      if (field.value === "" && (given === undefined || text === undefined)) continue;
    }
    const [name, key] = field.name.split(/\.(.*)/s);
    const value = field.type === "checkbox" ? true : field.value;
    if (key === undefined) body[name] = value;
    else Object.defineProperty((body[name] ??= {}), key, { value, enumerable: true }); // also of the name __proto__
  }
  return body;
}

async function send(form) {
  const button = form.querySelector(".do");
  if (button.disabled) return;
  const wrong = form.querySelector(".wrong");
  const title = form.querySelector("h2").textContent;
  button.disabled = true;
  wrong.hidden = true;
  const waiting = setTimeout(() => waits(form), PROMPT);
  const other = await otherwise(form);
  let answer, told;
  if (other) {
    clearTimeout(waiting);
    form.querySelector(".waits")?.remove();
    button.disabled = false;
    if (!form.isConnected) return note([`${title}: not done, for it is not as it was. `, ...other]);
    const again = element("span", "hint", `${button.textContent} again if it is still to be done.`);
    wrong.replaceChildren("It is not as it was when this was opened: ", ...other, again);
    return void (wrong.hidden = false);
  }
  const sent = bodyOf(form);
  try {
    answer = await fetch(form.dataset.path, {
      method: form.dataset.method || "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(sent),
      redirect: "error",
    });
    told = answer.status === 204 ? {} : await answer.json();
  } catch {
    answer = null;
  }
  clearTimeout(waiting);
  form.querySelector(".waits")?.remove();
  if (!answer?.ok) {
    button.disabled = false;
    const said = answer
      ? [`${isLoggedOut(answer) ? "You are logged in no more: " : ""}${told.detail ?? `It is answered with ${answer.status}.`}`, told.hint, answer.status === 401]
      : ["The answer was lost: look whether it was done before you do it again."];
    if (!form.isConnected) return note([`${title}: `, ...coded(said[0])]); // the dialog was closed meanwhile
    return say(wrong, ...said);
  }
  const found = { ...told, run: told.run ?? told.result, sent };
  const goes = form.dataset.goes?.replace(/\{([^}]*)\}/g, (_, path) => encodeURIComponent(valueAt(path, found)));
  const done = filled(form.dataset.told, found);
  if (form.dataset.gone === location.pathname + location.search) {
    keep(form.dataset.told);
    return location.assign(form.querySelector("[data-close]").href);
  }
  if (dialog?.contains(form) || !form.isConnected) {
    if (form.isConnected) dialog.close();
    note(done, goes);
  } else {
    const line = element("p", "said ok", "");
    line.setAttribute("role", "status");
    line.append(...done, " ", leading(goes || form.querySelector("[data-close]").href));
    form.replaceChildren(form.querySelector("h2"), line);
    show(line);
  }
  document.dispatchEvent(new CustomEvent("jeeves:acted"));
}

// What others have made meanwhile of what a form changes, as its page tells it; null if it is as it was. If the page
// cannot be had, the answer to the form says why.
async function otherwise(form) {
  const stand = `[data-stand="${form.dataset.stands}"]`;
  const seen = form.dataset.stands && form.parentNode.querySelector(stand);
  if (!seen) return null;
  const place = dialog?.contains(form) ? dialog.dataset.from : location.pathname + location.search;
  const page = await fetch(place, { headers: { Accept: "text/html" }, cache: "no-store" }).then((answer) => answer.text(), () => "");
  const now = parser.parseFromString(page, "text/html").querySelector(stand);
  if (!now || now.dataset.is === seen.dataset.is) return null;
  const fresh = document.importNode(now, true);
  seen.replaceWith(fresh);
  const shown = fresh.cloneNode(true);
  show(shown);
  return shown.childNodes;
}

// A page for one who is logged in is answered as to one who is not: the session is over, or its token revoked.
const isLoggedOut = (answer) => answer.status === 401 && document.querySelector("form.who") !== null;

function waits(form) {
  const line = element("p", "said wait waits", "It is not answered yet, and may still be done if you leave.");
  line.setAttribute("role", "status");
  form.querySelector(".ends").before(line);
}

function say(wrong, detail, hint, mayLogIn) {
  const parts = coded(detail);
  if (hint && !mayLogIn) {
    const line = element("span", "hint", "");
    line.append(...coded(hint));
    parts.push(element("span", "unseen", ". "), line);
  }
  if (mayLogIn) {
    const link = element("a", "", "Log in");
    link.href = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
    parts.push(" ", link);
  }
  wrong.replaceChildren(...parts);
  show(wrong);
  wrong.hidden = false;
}

// A message, with what stands in it between backquotes as code, and its instants in the viewer's zone.
function coded(text) {
  const parts = text.split("`");
  if (parts.length % 2 === 0) return timed(text);
  return parts.flatMap((part, place) => (place % 2 ? [element("code", "", part)] : timed(part)));
}

const timed = (text) => text.split(/(\d{4}-\d\d-\d\dT\d\d:\d\d:[\d.]+Z)/).map((part, place) => (place % 2 ? moment(part) : part));

function moment(at) {
  const time = element("time", "", at);
  time.dateTime = at;
  time.dataset.moment = "";
  return time;
}

const valueAt = (path, answer) => path.split(".").reduce((found, name) => found?.[name], answer);

// A text with its values in their places: texts, and elements for times.
function filled(text, answer) {
  return text.split(/\{([^}]*)\}/).map((piece, place) => {
    if (place % 2 === 0) return piece;
    const [, path, how, text = ""] = /^([\w.]*)([|?])(.*)/.exec(piece) ?? ["", piece];
    const value = valueAt(path, answer);
    if (how === "?") return value ? text.replace("#", value) : "";
    if (value === null || value === undefined) return text;
    return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? moment(value) : String(value);
  });
}

function element(name, kind, text) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.textContent = text;
  return made;
}

function leading(href) {
  const link = element("a", "", "Look at it");
  link.href = href;
  return link;
}

// What was done, in a corner of the page. It goes by itself, unless it is looked at more closely.
function note(pieces, goes) {
  const made = element("div", "note", "");
  const line = element("p", "", "");
  line.append(...pieces);
  show(line);
  // Of a status that held the notes, the earlier ones and their buttons would be said again with each.
  tell(line.textContent);
  if (goes) line.append(" ", leading(goes));
  const close = element("button", "", "×");
  close.type = "button";
  close.setAttribute("aria-label", "Dismiss");
  close.addEventListener("click", () => made.remove());
  made.append(line, close);
  const notes = document.getElementById("notes");
  while (notes.children.length > 2) notes.firstChild.remove();
  notes.append(made);
  const go = () => (made.matches(":hover, :focus-within") ? setTimeout(go, SHORT) : made.remove());
  setTimeout(go, SHORT);
}

// A browser may keep nothing: then the next page does not tell what was done.
function keep(text) {
  try { sessionStorage.setItem(SAID, text); } catch { /* it keeps nothing */ }
}

function kept() {
  try {
    const text = sessionStorage.getItem(SAID);
    sessionStorage.removeItem(SAID);
    return text;
  } catch { return null; }
}
