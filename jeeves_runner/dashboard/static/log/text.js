// The text of a log: its lines, with the colours in which each begins, bounded in number.

// Select Graphic Rendition, of ECMA-48. Other sequences show nothing in a terminal either: those that move the
// cursor, erase or set a mode, strings up to their end (links, titles, progress), and escapes of one character.
const SGR = /\x1b\[([0-9;:]*)m/g;
const STEERS = new RegExp("\\x1b(?:" + [
  "\\[[0-?]*[ -/]*[@-ln-~]", "\\[[<-?][0-?]*m", "[\\]PX^_][^\\x07\\x1b]*(?:\\x07|\\x1b\\\\)", "[ -/]+[0-~]", "[0-OQ-WYZ\\\\`-~]",
].join("|") + ")", "g");
// What cannot be seen, or turns the direction of writing. The joiner of emoji stays.
const HIDDEN = /[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/;
const EACH_HIDDEN = new RegExp(`${HIDDEN.source}+`, "g");
const PLAIN = Object.freeze({});
const TAB = 8;

const MOST_LINES = 500000;
const MOST_TEXT = 64 << 20; // characters
const LOOKED_AT = 40000; // characters of one line,
const WHOLE = 200000; // and of one that is to be shown whole
const PIECES = 250; // of one line, each in a style of its own: a page of lines that change it with each character
const WHOLE_PIECES = 20000; // would take seconds
const UNFINISHED = /\x1b(?:\[[0-9;:]{0,200})?$/; // what may be the beginning of a sequence
const AT_ONCE = 0.2; // the part that goes when there are too many

export class LogText {
  constructor() { this.clear(); }

  clear() {
    this.first = 1; // the number of the first line that is held
    this.lines = [];
    this.size = 0;
    this.longest = 0;
    this.cuts = new Map(); // by number of line: so many bytes are missing there
    this.isOpen = false; // more of the last line may come
    this.style = PLAIN; // at the end
    this.unfinished = ""; // the beginning of a sequence there
    this.redrawn = null; // what was found by `states`, while its line grows
    this.styles = new Map(); // by number of line, where it does not begin plain
    this.interned = new Map();
  }

  get last() { return this.first + this.lines.length - 1; }

  line(number) { return this.lines[number - this.first] ?? ""; }

  // Adds text, which may begin and end anywhere in a line. The number of the first line that is another now.
  add(text) {
    const parts = text.split("\n");
    const changed = this.isOpen ? this.last : this.last + 1;
    if (this.isOpen) this.grow(parts[0]);
    else if (parts.length > 1 || parts[0]) this.push(parts[0]);
    for (let each = 1; each < parts.length - 1; each++) this.push(parts[each]);
    if (parts.length > 1) {
      this.isOpen = false;
      const rest = parts[parts.length - 1];
      if (rest) this.push(rest);
      this.isOpen = rest !== "";
    } else if (parts[0]) this.isOpen = true;
    return changed;
  }

  // As in the file: a line of its own, after the end of the one that was cut.
  cut(bytes) {
    this.isOpen = false;
    this.push("");
    this.cuts.set(this.last, bytes);
    this.style = PLAIN;
  }

  push(line) {
    if (this.style !== PLAIN) this.styles.set(this.last + 1, this.style);
    this.unfinished = "";
    this.lines.push(line);
    this.note(line, line);
  }

  grow(more) {
    if (!more) return;
    const at = this.lines.length - 1;
    this.size -= this.lines[at].length;
    this.lines[at] += more;
    this.note(this.lines[at], more);
  }

  // `more`: what of the line is new. A line of megabytes comes in hundreds of parts, so the rest is not read again.
  note(line, more) {
    this.size += line.length;
    if (line.length > this.longest) this.longest = line.length;
    if (!this.unfinished && !more.includes("\x1b")) return;
    const text = this.unfinished + more;
    this.style = this.intern(after(this.style, text));
    this.unfinished = UNFINISHED.exec(text.slice(-256))?.[0] ?? "";
  }

  intern(style) {
    const key = JSON.stringify(style);
    if (key === "{}") return PLAIN;
    if (!this.interned.has(key)) this.interned.set(key, Object.freeze(style));
    return this.interned.get(key);
  }

  // Lets the oldest lines go where there are too many; how many.
  bound() {
    if (this.lines.length <= MOST_LINES && this.size <= MOST_TEXT) return 0;
    const gone = Math.ceil(this.lines.length * AT_ONCE);
    for (const line of this.lines.splice(0, gone)) this.size -= line.length;
    for (const held of [this.styles, this.cuts]) {
      for (const number of held.keys()) if (number < this.first + gone) held.delete(number);
    }
    this.first += gone;
    return gone;
  }

  // What is shown of a line: pieces {text, style, hidden}. `overwritten`: how many earlier states of it are left
  // out, which a terminal would have overwritten; with `whole` none is. `rest`: how many characters beyond what is
  // looked at of a very long line.
  shown(number, whole) {
    const line = this.line(number);
    let end = line.length;
    while (line[end - 1] === "\r" && line.length - end < 9) end -= 1;
    const text = line.slice(0, end);
    const { count, at, style } = whole ? this.begin(number) : this.states(number, text);
    const looked = text.slice(at, at + (whole ? WHOLE : LOOKED_AT));
    const found = pieces(looked, style, whole ? WHOLE_PIECES : PIECES);
    return { pieces: found.pieces, overwritten: count, rest: text.length - at - found.end };
  }

  begin(number) { return { number, count: 0, at: 0, style: this.styles.get(number) ?? PLAIN }; }

  // How many states of a line are overwritten, where the last one begins, and its style there.
  states(number, text) {
    let { count, at, style } = this.redrawn?.number === number ? this.redrawn : this.begin(number);
    const last = text.lastIndexOf("\r") + 1;
    if (last > at) {
      const passed = text.slice(at, last);
      count += passed.match(/\r+/g).length;
      style = after(style, passed);
      at = last;
    }
    const found = { number, count, at, style };
    if (this.isOpen && number === this.last) this.redrawn = found;
    return found;
  }

  // The line as it is searched: without colours.
  plain(number) {
    const line = this.line(number);
    return line.includes("\x1b") ? line.replace(SGR, "").replace(STEERS, "") : line;
  }
}

// At most so many pieces, and where they end in the text.
function pieces(text, style, most) {
  const found = [];
  let at = 0;
  for (const match of text.matchAll(SGR)) {
    const left = put(found, text.slice(at, match.index), style, most);
    if (found.length >= most) return { pieces: found, end: match.index - left };
    style = changed(style, match[1]);
    at = match.index + match[0].length;
  }
  return { pieces: found, end: text.length - put(found, text.slice(at), style, most) };
}

// How much of it is left out, where there are too many pieces.
function put(found, text, style, most) {
  const whole = text.replace(STEERS, "");
  if (!HIDDEN.test(whole)) {
    if (whole) found.push({ text: whole, style });
    return 0;
  }
  let at = 0;
  for (const match of whole.matchAll(EACH_HIDDEN)) {
    if (match.index > at) found.push({ text: whole.slice(at, match.index), style });
    found.push({ text: [...match[0]].map(named).join(""), style: PLAIN, hidden: true });
    at = match.index + match[0].length;
    if (found.length >= most) return whole.length - at;
  }
  if (at < whole.length) found.push({ text: whole.slice(at), style });
  return 0;
}

function named(character) {
  const code = character.codePointAt(0);
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return code === 0x7f ? "\u2421" : `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

export function after(style, line) {
  for (const match of line.matchAll(SGR)) style = changed(style, match[1]);
  return style;
}

const FLAGS = { 1: "bold", 2: "dim", 3: "italic", 4: "under", 7: "inverse", 9: "strike" };
const ENDS = { 22: ["bold", "dim"], 23: ["italic"], 24: ["under"], 27: ["inverse"], 29: ["strike"], 39: ["fg"], 49: ["bg"] };

function changed(style, parameters) {
  let next = { ...style };
  const codes = parameters.split(";");
  for (let at = 0; at < codes.length; at++) {
    const parts = codes[at].split(":");
    const code = Number(parts[0]) || 0;
    if (code === 0) next = {};
    else if (FLAGS[code]) next[FLAGS[code]] = 1;
    else if (code === 21) next.under = 1;
    else if (ENDS[code]) for (const name of ENDS[code]) delete next[name];
    else if (code >= 30 && code <= 37) next.fg = code - 30;
    else if (code >= 40 && code <= 47) next.bg = code - 40;
    else if (code >= 90 && code <= 97) next.fg = code - 82;
    else if (code >= 100 && code <= 107) next.bg = code - 92;
    else if (code === 38 || code === 48 || code === 58) {
      // With semicolons the operands follow as parameters of their own; with colons they are parts of this one,
      // and before red, green and blue there may stand a colour space.
      const inside = parts.length > 1;
      const operands = inside ? parts.slice(1) : codes.slice(at + 1);
      const kind = Number(operands[0]);
      let colour;
      if (kind === 5) colour = Number(operands[1]) & 255;
      if (kind === 2) colour = rgb(inside && operands.length > 4 ? operands.slice(2) : operands.slice(1));
      if (!inside) at += kind === 5 ? 2 : kind === 2 ? 4 : 0;
      if (colour !== undefined && code === 38) next.fg = colour;
      if (colour !== undefined && code === 48) next.bg = colour;
    }
  }
  return next;
}

const hex = (value) => Math.min(255, Number(value) || 0).toString(16).padStart(2, "0");
const rgb = ([red, green, blue]) => `#${hex(red)}${hex(green)}${hex(blue)}`;

// The colour of a number of the palette, from 16 on: a cube of 6 by 6 by 6, then greys.
export function ofPalette(number) {
  if (number >= 232) return rgb(Array(3).fill(8 + (number - 232) * 10));
  const step = (value) => (value ? 55 + value * 40 : 0);
  const at = number - 16;
  return rgb([step(Math.floor(at / 36)), step(Math.floor(at / 6) % 6), step(at % 6)]);
}

// Tabs as the spaces that they stand for, `column` being where the text begins.
export function spaced(text, column) {
  if (!text.includes("\t")) return text;
  let out = "";
  for (const part of text.split(/(\t)/)) {
    out += part === "\t" ? " ".repeat(TAB - ((column + out.length) % TAB)) : part;
  }
  return out;
}
