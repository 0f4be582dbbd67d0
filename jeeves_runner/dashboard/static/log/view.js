// The lines of a log in a box that scrolls. Only those that can be seen, and some around them, are in the page.
import { Sums } from "./sums.js";
import { ofPalette, spaced } from "./text.js";

const AROUND = 30; // lines above and below those that can be seen
const TALLEST = 15e6; // browsers make no element taller than some 17 million pixels: beyond, scrolling is scaled
const LONGEST = 4000; // characters of a line that are shown at once
const DIGITS = 3; // that there is room for, at least
const PRINTED = 5000; // lines on paper, where there is nothing to scroll
const MARGIN = 2.5; // columns beside the number of a line: see log.css

export class LogView {
  constructor(box, log, decorate) {
    this.box = box;
    this.log = log;
    this.decorate = decorate; // (number, row) => void, for what is marked in a line
    this.room = add(box, "div", "log-room");
    this.rows = add(this.room, "div", "log-rows");
    this.nodes = new Map();
    this.whole = new Set(); // lines shown with all that they have
    this.sums = new Sums();
    this.isWrapped = false;
    this.isPinned = false; // to its end
    this.isOnPaper = false; // all its lines are in the page, to be printed
    this.gutter = 0; // columns before the text
    this.wanted = false;
    box.addEventListener("scroll", () => this.scrolled());
    window.addEventListener("beforeprint", () => this.print());
    window.addEventListener("afterprint", () => { this.isOnPaper = false; this.again(); });
    new ResizeObserver(() => this.measure()).observe(box);
    this.measure();
  }

  measure() {
    const probe = add(this.rows, "div", "log-line");
    const text = add(probe, "span", "log-text");
    text.textContent = "0".repeat(100);
    this.height = probe.getBoundingClientRect().height || 20;
    const range = document.createRange();
    range.selectNodeContents(text);
    const inner = range.getClientRects()[0];
    this.column = (inner?.width || 780) / 100;
    probe.remove();
    this.fit();
    this.draw();
  }

  // Gives the numbers the room that they need; so many columns are left for the text.
  fit() {
    this.gutter = Math.max(DIGITS, String(this.log.last).length) + MARGIN;
    this.box.style.setProperty("--gutter", `${this.gutter}ch`);
    const columns = Math.max(10, Math.floor(this.box.clientWidth / this.column - this.gutter));
    if (columns === this.columns) return;
    this.columns = columns;
    if (this.isWrapped) this.count();
  }

  wrap(isWrapped) {
    const top = this.top();
    this.isWrapped = isWrapped;
    this.box.dataset.wrapped = isWrapped;
    this.forget();
    this.count();
    this.draw();
    if (!this.isPinned) this.go(top, 0);
  }

  // How many rows lines take: known of plain ones, and of others once they have been shown.
  count() {
    this.sums.clear();
    if (this.isWrapped) this.counted();
  }

  counted() {
    for (let at = this.sums.length; at < this.log.lines.length; at++) this.sums.push(this.rowsOf(at));
  }

  rowsOf(at) {
    const length = Math.min(this.log.lines[at].length, LONGEST);
    return Math.max(1, Math.ceil(length / this.columns));
  }

  // Lines from `first` on are others now, or new.
  changed(first) {
    for (const [number, node] of this.nodes) if (number >= first) { node.remove(); this.nodes.delete(number); }
    if (this.isWrapped) {
      const at = first - this.log.first;
      if (at < this.sums.length) this.sums.set(at, this.rowsOf(at));
      this.counted();
    }
    this.soon();
  }

  // So many of the oldest lines are gone.
  dropped(count) {
    const top = this.box.scrollTop - (this.isWrapped ? this.sums.before(count) : count) * this.height;
    this.forget();
    this.count();
    this.draw();
    if (!this.isPinned) this.box.scrollTop = Math.max(0, top);
  }

  // There is another log.
  begin() {
    this.whole.clear();
    this.forget();
    this.count();
    this.draw();
  }

  forget() {
    this.rows.replaceChildren();
    this.nodes.clear();
  }

  again() {
    this.forget();
    this.draw();
  }

  // All lines, or of very many those from where one looks.
  print() {
    const { first, last } = this.log;
    const begin = Math.max(first, Math.min(this.top(), last - PRINTED + 1));
    this.forget();
    for (let number = begin; number <= Math.min(last, begin + PRINTED - 1); number++) {
      const node = this.made(number);
      this.nodes.set(number, node);
      this.rows.append(node);
    }
    this.isOnPaper = true;
  }

  soon() {
    if (this.wanted) return;
    this.wanted = true;
    requestAnimationFrame(() => { this.wanted = false; this.draw(); });
  }

  get total() { return (this.isWrapped ? this.sums.total : this.log.lines.length) * this.height; }

  offset(at) { return (this.isWrapped ? this.sums.before(at) : at) * this.height; }

  lineAt(pixel) {
    const row = Math.max(0, Math.floor(pixel / this.height));
    return this.isWrapped ? this.sums.at(row) : Math.min(row, Math.max(0, this.log.lines.length - 1));
  }

  // Where the top of the box is within all lines, in pixels.
  place() {
    if (this.total <= TALLEST) return this.box.scrollTop;
    const seen = this.box.clientHeight;
    return (this.box.scrollTop * (this.total - seen)) / (TALLEST - seen);
  }

  scrollTo(pixel) {
    const seen = this.box.clientHeight;
    const scale = this.total <= TALLEST ? 1 : (TALLEST - seen) / (this.total - seen);
    this.box.scrollTop = Math.max(0, pixel) * scale;
  }

  // The number of the line at the top.
  top() { return this.log.first + this.lineAt(this.place()); }

  get isAtEnd() {
    return this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < this.height * 1.5;
  }

  scrolled() {
    const isAtEnd = this.isAtEnd;
    if (isAtEnd !== this.isPinned) {
      this.isPinned = isAtEnd;
      this.box.dispatchEvent(new CustomEvent("jeeves:pinned"));
    }
    this.draw();
  }

  // While text is being marked, the log goes on below, and stays where it is.
  isMarked() {
    const marked = document.getSelection();
    return marked !== null && !marked.isCollapsed && this.rows.contains(marked.anchorNode);
  }

  pin() {
    this.isPinned = true;
    this.draw();
  }

  // Shows a line, `part` of the box below its top.
  go(number, part = 0.35) {
    this.isPinned = false;
    const at = Math.min(Math.max(0, number - this.log.first), Math.max(0, this.log.lines.length - 1));
    for (let once = 0; once < 2; once++) { // lines around it may turn out to be longer
      this.scrollTo(this.offset(at) - this.box.clientHeight * part);
      this.draw();
    }
    const node = this.nodes.get(number);
    const found = node?.querySelector("mark.here") ?? node?.querySelector("mark");
    if (!this.isWrapped) found?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  draw() {
    if (this.isOnPaper) return;
    if (String(this.log.last).length + MARGIN > this.gutter) this.fit();
    this.room.style.height = `${Math.min(this.total, TALLEST)}px`;
    if (!this.isWrapped) this.room.style.minWidth = `${Math.min(this.log.longest, LONGEST + 40) + this.gutter + 2}ch`;
    else this.room.style.minWidth = "";
    if (this.isPinned && !this.isMarked()) this.box.scrollTop = this.box.scrollHeight;
    const place = this.place();
    const first = Math.max(0, this.lineAt(place) - AROUND);
    const last = Math.min(this.log.lines.length - 1, this.lineAt(place + this.box.clientHeight) + AROUND);
    for (const [number, node] of this.nodes) {
      const at = number - this.log.first;
      if (at < first || at > last) { node.remove(); this.nodes.delete(number); }
    }
    const fresh = [];
    let next = this.rows.firstChild;
    for (let at = first; at <= last; at++) {
      const number = at + this.log.first;
      let node = this.nodes.get(number);
      if (!node) {
        node = this.made(number);
        this.nodes.set(number, node);
        fresh.push([at, node]);
      }
      if (node === next) next = next.nextSibling;
      else this.rows.insertBefore(node, next);
    }
    if (this.isWrapped) this.putRight(fresh, place);
    // Where scrolling is scaled, the lines stand where the box is.
    this.rows.style.transform = `translateY(${this.offset(first) - this.place() + this.box.scrollTop}px)`;
  }

  // Some take more rows, or fewer, than their length says. What is looked at stays where it is.
  putRight(fresh, place) {
    const anchor = this.lineAt(place);
    let above = 0;
    let isOther = false;
    for (const [at, node] of fresh) {
      const by = this.sums.set(at, Math.max(1, Math.round(node.getBoundingClientRect().height / this.height)));
      isOther ||= by !== 0;
      if (at < anchor) above += by;
    }
    if (!isOther) return;
    this.room.style.height = `${Math.min(this.total, TALLEST)}px`;
    if (this.isPinned && !this.isMarked()) this.box.scrollTop = this.box.scrollHeight;
    else if (above) this.box.scrollTop += above * this.height;
  }

  made(number) {
    const row = document.createElement("div");
    row.className = "log-line";
    const link = add(row, "a", "log-number");
    link.href = `#L${number}`;
    link.tabIndex = -1;
    link.textContent = number;
    const text = add(row, "span", "log-text");
    const cut = this.log.cuts.get(number);
    if (cut !== undefined) {
      row.classList.add("log-cut");
      text.textContent = `${cut.toLocaleString("en")} bytes are cut here: the log had no room for them`;
    } else this.fill(text, number);
    this.decorate(number, row);
    return row;
  }

  fill(text, number) {
    const isWhole = this.whole.has(number);
    const { pieces, overwritten, rest } = this.log.shown(number, isWhole);
    if (overwritten) {
      const count = add(text, "button", "log-more log-states");
      count.type = "button";
      count.dataset.whole = number;
      count.textContent = `↺ ${overwritten}`;
      count.title = `${overwritten} earlier states of this line, which a terminal would have overwritten`;
    }
    let column = 0;
    let seen = 0;
    for (const piece of pieces) {
      const room = isWhole ? Infinity : LONGEST - seen;
      if (room <= 0) break;
      const part = piece.text.slice(0, room);
      seen += part.length;
      const shown = spaced(part, column);
      column += shown.length;
      text.append(styled(shown, piece));
    }
    const left = pieces.reduce((sum, piece) => sum + piece.text.length, rest) - seen;
    if (left > 0) {
      const more = add(text, isWhole ? "span" : "button", "log-more");
      if (!isWhole) more.type = "button";
      if (!isWhole) more.dataset.whole = number;
      more.textContent = `${left.toLocaleString("en")} more characters${isWhole ? ", which Download has" : ""}`;
    }
    if (!text.firstChild) text.append("\n"); // so that it is copied as an empty line
  }
}

function styled(text, { style, hidden }) {
  if (!hidden && !Object.keys(style).length) return document.createTextNode(text);
  const span = document.createElement("span");
  span.textContent = text;
  if (hidden) span.className = "log-hidden";
  for (const name of ["bold", "dim", "italic", "under", "strike", "inverse"]) {
    if (style[name]) span.classList.add(`s-${name}`);
  }
  colour(span, "fg", style.fg);
  colour(span, "bg", style.bg);
  return span;
}

function colour(span, kind, value) {
  if (value === undefined) return;
  if (typeof value === "number" && value < 16) return span.classList.add(`${kind}-${value}`);
  span.classList.add(`${kind}-any`);
  span.style.setProperty(`--${kind}`, typeof value === "number" ? ofPalette(value) : value);
}

function add(parent, name, className) {
  const made = document.createElement(name);
  made.className = className;
  parent.append(made);
  return made;
}
