// What those who hear a page are told as it happens: one line, which the next one replaces. What else it shows is
// theirs to look for, and would talk over what they read.

const SOON = 100; // the same words again are no change, unless there were none in between
const LONG = 12000; // who reads the page to its end does not find there what was said long ago
let coming = 0;
let going = 0;

export function say(text) {
  const line = document.getElementById("said");
  if (!line) return;
  for (const each of [coming, going]) clearTimeout(each);
  line.textContent = "";
  coming = setTimeout(() => { line.textContent = text; }, SOON);
  going = setTimeout(() => { line.textContent = ""; }, LONG);
}
