// Who works by keys, or hears a page, stays where they are when it changes under them: where what had the focus is
// gone, what stands in its place gets it.
const CAN = "a[href], button:not([disabled]), input, select, textarea, summary, [tabindex='0']";

export function keepFocus(change) {
  const held = document.activeElement;
  const around = [];
  for (let each = held.parentElement; held !== document.body && each && each !== document.body; each = each.parentElement)
    around.push([each, [...each.querySelectorAll(CAN)].indexOf(held)]);
  change();
  if (!around.length || held.isConnected) return;
  for (const [each, place] of around) {
    const there = each.isConnected ? [...each.querySelectorAll(CAN)] : [];
    if (there.length) return there[Math.min(Math.max(place, 0), there.length - 1)].focus({ preventScroll: true });
  }
}
