// The picture of the graph: what is tied to the box under the pointer stands out.

let lit = null;

function light(box) {
  const picture = document.getElementById("picture");
  if (!picture || box === lit) return;
  lit = box;
  picture.classList.toggle("hovered", Boolean(box));
  for (const each of picture.querySelectorAll(".lit")) each.classList.remove("lit");
  if (!box) return;
  const number = box.dataset.number;
  const near = new Set([number]);
  for (const line of picture.querySelectorAll(`[data-from="${number}"], [data-to="${number}"]`)) {
    line.classList.add("lit");
    near.add(line.dataset.from).add(line.dataset.to);
  }
  for (const each of near) picture.querySelector(`[data-number="${each}"]`)?.classList.add("lit");
}

const boxOf = (target) => target.closest?.(".box") ?? null;
document.addEventListener("pointerover", (event) => light(boxOf(event.target)));
document.addEventListener("focusin", (event) => light(boxOf(event.target)));
document.addEventListener("focusout", () => light(null));
document.addEventListener("jeeves:shown", () => {
  const box = lit;
  lit = null;
  light(box?.isConnected ? box : null);
});

// What is looked at stands in sight, though the picture is larger than the window.
const chosen = document.querySelector(".box.chosen");
const canvas = document.querySelector(".canvas");
if (chosen && canvas) {
  const box = chosen.getBoundingClientRect();
  const frame = canvas.getBoundingClientRect();
  canvas.scrollLeft = box.left - frame.left - (frame.width - box.width) / 2;
  canvas.scrollTop = box.top - frame.top - (frame.height - box.height) / 2;
}
