// What those who hear a page are told as it happens: one line, which the next one replaces. What else it shows is
// theirs to look for, and would talk over what they read.

export function say(text) {
  const line = document.getElementById("said");
  if (line) line.textContent = text;
}
