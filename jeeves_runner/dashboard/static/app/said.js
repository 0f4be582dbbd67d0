// What those who hear a page are told as it happens: one line, which the next one replaces; what comes at the same moment
// stands behind it. What else the page shows is theirs to look for, and would talk over what they read.

const SOON = 100; // the same words again are no change, unless there were none in between
const LONG = 12000; // who reads the page to its end does not find there what was said long ago
let words = ""; // what is about to be said
let going = 0;

export function say(text) {
  const line = document.getElementById("said");
  if (!line) return;
  if (words) return void (words += ` ${text}`);
  words = text;
  line.textContent = "";
  clearTimeout(going);
  setTimeout(() => { [line.textContent, words] = [words, ""]; }, SOON);
  going = setTimeout(() => { line.textContent = ""; }, LONG);
}
