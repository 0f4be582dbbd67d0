// What a column of the last day says under the pointer, on the viewer's clock: pictures with `data-columns`, how many
// there were in each half hour from `data-begin` on. Nodes for some hundred columns would hold up the page.
import { timeOf } from "./app.js";

const HALF_HOUR = 1800000;

function tell({ target, clientX }) {
  const picture = target.closest?.("svg[data-columns]");
  if (!picture) return;
  const { left, width } = picture.getBoundingClientRect();
  const counts = picture.dataset.columns.split(" ");
  const place = Math.min(counts.length - 1, Math.max(0, Math.floor(((clientX - left) / width) * counts.length)));
  const begin = new Date(picture.dataset.begin).getTime() + place * HALF_HOUR;
  const [from, until] = [begin, begin + HALF_HOUR].map((at) => timeOf(new Date(at)).slice(0, 5));
  const text = `${counts[place]} ${picture.dataset.name} from ${from} to ${until}`;
  const title = picture.querySelector("title") ?? picture.appendChild(document.createElementNS(picture.namespaceURI, "title"));
  if (title.textContent !== text) title.textContent = text;
}

export const listen = () => document.addEventListener("pointermove", tell, { passive: true });
