// What a column of the last day says under the pointer, on the viewer's clock: pictures with `data-columns`, how many
// there were in each half hour from `data-begin` on. Nodes for some hundred columns would hold up the page.
import { timeOf } from "./app.js";

const HALF_HOUR = 1800000;

const NOWHERE = { x: -1, y: -1 };
let at = NOWHERE; // the pointer
let told = null; // the picture that says something

function tell(picture) {
  if (told !== picture) told?.querySelector("title")?.remove();
  told = picture;
  if (!picture) return;
  const { left, width } = picture.getBoundingClientRect();
  const counts = picture.dataset.columns.split(" ");
  const place = Math.min(counts.length - 1, Math.max(0, Math.floor(((at.x - left) / width) * counts.length)));
  const begin = new Date(picture.dataset.begin).getTime() + place * HALF_HOUR;
  const [from, until] = [begin, begin + HALF_HOUR].map((when) => timeOf(new Date(when)).slice(0, 5));
  const text = `${counts[place]} ${picture.dataset.name} from ${from} to ${until}`;
  const title = picture.querySelector("title") ?? picture.appendChild(document.createElementNS(picture.namespaceURI, "title"));
  if (title.textContent !== text) title.textContent = text;
}

const over = (element) => element?.closest?.("svg[data-columns]") ?? null;

export function listen() {
  const moved = ({ target, clientX, clientY }) => { at = { x: clientX, y: clientY }; tell(over(target)); };
  document.addEventListener("pointermove", moved, { passive: true });
  document.documentElement.addEventListener("pointerleave", () => { at = NOWHERE; tell(null); });
  document.addEventListener("jeeves:shown", () => tell(over(document.elementFromPoint(at.x, at.y))));
}
