// A log as it stands in its page: the lines, what is above and below them, and which of them one looks at.
import { LogText } from "./text.js";
import { LogView } from "./view.js";
import { LogSearch } from "./search.js";
import { ending } from "./end.js";
import { chosenLines } from "./lines.js";
import { button, element, toolbar } from "./tools.js";
import { say } from "../app.js";

export class LogPanel {
  constructor(place) {
    this.place = place;
    this.grows = place.dataset.grows === "true";
    this.chosen = chosenLines(); // the first and the last line that the address names
    this.goesTo = this.chosen && this.chosen[0]; // the line to be shown once it is there
    this.seen = 0; // the last line when the end was let go of
    this.isFirst = true; // nothing is shown yet but what the server has put into the page
    this.trouble = ""; // why there is no more of it
    this.build();
    this.log = new LogText();
    this.view = new LogView(this.box, this.log, (number, row) => this.decorate(number, row));
    this.search = new LogSearch(this.log, () => this.tell());
    this.tools.follow.hidden = !this.grows;
    this.tools.wasFollowing = this.grows;
    this.view.isPinned = !this.chosen && (this.grows || place.dataset.bad === "true");
  }

  build() {
    this.bar = element("div", "log-bar");
    this.tools = toolbar(this.bar, this.place);
    this.box = element("div", "log-box");
    this.box.tabIndex = 0;
    this.box.setAttribute("role", "region");
    this.box.setAttribute("aria-label", "What the run wrote");
    this.fresh = button("log-fresh", "");
    this.fresh.hidden = true;
    this.frame = element("div", "log-frame");
    this.frame.append(this.box, this.fresh);
    this.foot = element("p", "log-foot");
    this.foot.hidden = true;
  }

  decorate(number, row) {
    row.classList.toggle("log-chosen", this.isChosen(number));
    if (this.search.here === number) row.classList.add("log-found");
    this.search.mark(number, row.lastChild);
  }

  isChosen(number) { return Boolean(this.chosen) && number >= this.chosen[0] && number <= this.chosen[1]; }

  // What is there by now, shown in one go: the tail of the page stays until then.
  appear() {
    if (!this.isFirst) return;
    this.isFirst = false;
    this.place.replaceChildren(this.bar, this.frame, this.foot);
    this.view.measure();
  }

  // What the stream has told: more text, that some is gone, that the run has ended, how the server is.
  take(kind, data) {
    if (kind === "text") this.trouble = "";
    if (kind === "text") this.grown(this.log.add(data.text));
    else if (kind === "cut") { this.log.cut(data.bytes); this.grown(this.log.last); }
    else if (kind === "reset") this.reset();
    else if (kind === "end") this.ended(data);
    else if (kind === "lost") this.place.dataset.lost = "";
    else if (kind === "there") this.isThere();
    else if (kind === "gone") this.isTroubled(`There is no more of this log: ${data.detail}.`);
    else if (kind === "unreadable") this.isTroubled("The server cannot read the file of this log. Its own log says why. It is tried again every 30 s.");
  }

  grown(first) {
    this.appear();
    const gone = this.log.bound();
    if (gone) {
      this.search.dropped();
      this.view.dropped(gone);
    }
    this.view.changed(first);
    this.search.changed(first);
    this.follow();
    if (this.goesTo !== null && this.log.last >= this.goesTo) {
      this.view.go(this.goesTo);
      this.goesTo = null;
    }
  }

  reset() {
    this.log.clear();
    this.view.begin();
    this.search.start(this.tools.field.value);
  }

  ended({ run, retry }) {
    const wasSeen = this.grows;
    this.grows = false;
    this.trouble = "";
    this.tools.follow.hidden = true;
    this.tools.wasFollowing = false;
    this.place.dataset.ended = "";
    this.foot.replaceChildren(...ending(run, retry, this.log.lines.length > 0));
    if (wasSeen) say(this.foot.textContent);
    this.appear();
    this.follow();
  }

  isTroubled(why) {
    this.trouble = why;
    delete this.place.dataset.lost;
    this.appear();
    this.follow();
  }

  isThere() {
    delete this.place.dataset.lost;
    if (!this.grows) return;
    this.appear();
    this.follow();
  }

  // What stands around the lines says whether the end is followed, and what has come while it was not.
  follow() {
    this.sayWhetherEmpty();
    this.tools.follow.setAttribute("aria-pressed", this.view.isPinned);
    if (this.view.isPinned) this.seen = this.log.last;
    const count = this.log.last - this.seen;
    this.fresh.hidden = this.view.isPinned || count <= 0 || !this.tools.wasFollowing;
    this.fresh.textContent = `↓ ${count.toLocaleString("en")} new ${count === 1 ? "line" : "lines"}`;
  }

  // Without a line there is nothing to be searched.
  sayWhetherEmpty() {
    const isEmpty = !this.log.lines.length;
    this.bar.hidden = this.frame.hidden = isEmpty;
    if (this.trouble) this.foot.textContent = this.trouble;
    else if (this.grows) this.foot.textContent = isEmpty ? "Nothing is written yet." : "";
    this.foot.hidden = !this.foot.hasChildNodes();
  }

  // The end is not followed any more.
  leave() {
    if (this.view.isPinned) this.seen = this.log.last;
    this.view.isPinned = false;
  }

  pin() {
    this.view.pin();
    this.follow();
  }

  // What the search has found so far.
  tell() {
    const { search, tools } = this;
    const { found, here } = search;
    if (!search.pattern) tools.count.textContent = "";
    else if (!found.length) tools.count.textContent = search.isLooking ? "…" : "none";
    else {
      const at = here === null ? "" : `${(found.indexOf(here) + 1).toLocaleString("en")} of `;
      tools.count.textContent = `${at}${found.length.toLocaleString("en")}${search.isLooking ? "…" : ""}`;
    }
    for (const each of [tools.up, tools.down]) each.disabled = !found.length;
    // The first one from where one looks, and only if there is none, the first of all.
    if (tools.isFresh && found.length && (!search.isLooking || found.at(-1) >= this.view.top())) this.step(1);
  }

  // To the line after the one that is shown, or before it, that has what is searched for.
  step(by) {
    const { log, search, view } = this;
    const number = search.step(view.top(), by);
    if (number === null) return; // what is still looked for is shown once it is found
    this.tools.isFresh = false;
    // What is found may be in what is left out of a long line.
    const shown = log.shown(number, false).pieces.map((piece) => piece.text).join("").slice(0, 4000);
    if (!search.pattern.test(shown)) view.whole.add(number);
    this.leave();
    view.forget();
    view.go(number);
    this.tell();
    this.follow();
  }

  // The lines that the address names now.
  choose() {
    this.chosen = chosenLines();
    for (const [number, node] of this.view.nodes) node.classList.toggle("log-chosen", this.isChosen(number));
  }
}
