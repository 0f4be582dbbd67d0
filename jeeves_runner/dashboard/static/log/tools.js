// What stands above a log, and what a viewer has chosen there.

export function toolbar(bar, place) {
  const field = element("input");
  field.type = "search";
  field.placeholder = "Search the log";
  field.setAttribute("aria-label", "Search the log");
  field.autocomplete = "off";
  field.spellcheck = false;
  const count = element("output", "log-count");
  const up = button("log-tool", "↑", "The one before (N)");
  const down = button("log-tool", "↓", "The next one (n)");
  const space = element("span", "log-space");
  const lost = element("span", "log-lost");
  lost.textContent = "reconnecting…";
  const tail = button("log-tool", "Follow", "Stay at the end as the log grows");
  const wrap = button("log-tool", "Wrap", "Break long lines");
  const large = button("log-tool", "Enlarge", "Give the log the whole window (Esc ends it)");
  for (const each of [tail, wrap, large]) each.setAttribute("aria-pressed", "false");
  for (const each of [up, down]) each.disabled = true;
  const load = element("a", "log-tool");
  load.href = `/runs/${place.dataset.run}/logs`;
  load.download = `${place.dataset.job}-${place.dataset.run}.log`;
  load.textContent = "Download";
  bar.append(field, up, down, count, space, lost, tail, wrap, large, load);
  return { field, count, up, down, follow: tail, wrap, large, wasFollowing: false, isFresh: false };
}

export function element(name, className) {
  const made = document.createElement(name);
  if (className) made.className = className;
  return made;
}

export function button(className, text, title) {
  const made = element("button", className);
  made.type = "button";
  made.textContent = text;
  if (title) {
    made.title = title;
    if (text.length < 2) made.setAttribute("aria-label", title);
  }
  return made;
}

// What a viewer has chosen holds for all runs. A browser may keep nothing.
export function remember(name, value) {
  try { localStorage.setItem(`jeeves-log-${name}`, value); } catch { /* it keeps nothing */ }
}

export function remembered(name) {
  try { return localStorage.getItem(`jeeves-log-${name}`) === "true"; } catch { return false; }
}
