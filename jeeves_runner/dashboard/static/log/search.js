// The lines of a log that have a text. They are looked for in slices, so that the page goes on.

const SLICE = 8; // milliseconds
const OFTEN = 100000; // after so many characters it is looked whether they have passed
const LINE = 400; // characters whose search takes as long as it takes to begin with a line
const MARKS = 200; // in one line

export class LogSearch {
  constructor(log, told) {
    this.log = log;
    this.told = told; // something was found, or all has been looked at
    this.clear();
  }

  clear() {
    this.pattern = null;
    this.found = []; // numbers of lines, rising
    this.next = 0; // the first line that has not been looked at
    this.here = null; // the line that is shown
    clearTimeout(this.timer);
  }

  start(words) {
    this.clear();
    if (!words) return this.told();
    const escaped = words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    this.pattern = new RegExp(escaped, "iu");
    this.each = new RegExp(escaped, "giu");
    this.next = this.log.first;
    this.look();
  }

  get isLooking() { return this.pattern !== null && this.next <= this.log.last; }

  // Lines from `first` on are others now, or new.
  changed(first) {
    if (!this.pattern || first >= this.next) return this.pattern && this.look();
    while (this.found.length && this.found[this.found.length - 1] >= first) this.found.pop();
    this.next = first;
    this.look();
  }

  dropped() {
    this.found = this.found.filter((number) => number >= this.log.first);
    this.next = Math.max(this.next, this.log.first);
  }

  look() {
    clearTimeout(this.timer);
    const until = performance.now() + SLICE;
    let read = 0;
    while (this.isLooking) {
      const line = this.log.plain(this.next);
      if (this.pattern.test(line)) this.found.push(this.next);
      this.next += 1;
      read += line.length + LINE;
      if (read < OFTEN) continue;
      read = 0;
      if (performance.now() > until) break;
    }
    if (this.isLooking) this.timer = setTimeout(() => this.look());
    this.told();
  }

  // The next line that has it, from a line on, downwards or up, and around the end.
  step(from, by) {
    if (!this.found.length) return null;
    const base = this.here ?? from - (by > 0 ? 1 : -1);
    const at = by > 0
      ? this.found.findIndex((number) => number > base)
      : this.found.findLastIndex((number) => number < base);
    this.here = at >= 0 ? this.found[at] : this.found.at(by > 0 ? 0 : -1);
    return this.here;
  }

  // Marks what is found in a line that is shown.
  mark(number, text) {
    if (!this.pattern) return;
    const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
    const nodes = [];
    while (walker.nextNode()) if (!walker.currentNode.parentElement.closest("button")) nodes.push(walker.currentNode);
    // A text that is found may go on from one colour into the next.
    const whole = nodes.map((node) => node.data).join("");
    const places = [];
    for (const match of whole.matchAll(this.each)) {
      if (places.push([match.index, match.index + match[0].length]) === MARKS) break;
    }
    let at = 0;
    for (const node of nodes) {
      const { data } = node;
      const inside = places.filter(([from, to]) => from < at + data.length && to > at);
      const here = inside.map(([from, to]) => [from - at, to - at]);
      if (here.length) node.replaceWith(marked(data, here, number === this.here));
      at += data.length;
    }
  }
}

function marked(text, places, isHere) {
  const parts = document.createDocumentFragment();
  let at = 0;
  for (const [from, to] of places) {
    const mark = document.createElement("mark");
    if (isHere) mark.className = "here";
    mark.textContent = text.slice(Math.max(0, from), to);
    parts.append(text.slice(at, Math.max(at, from)), mark);
    at = to;
  }
  parts.append(text.slice(at));
  return parts;
}
