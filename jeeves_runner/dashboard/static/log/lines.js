// Lines that an address names: `#L7`, or `#L7-L9`.

// The first and the last; null if it names none.
export function chosenLines() {
  const found = /^#L(\d{1,9})(?:-L(\d{1,9}))?$/.exec(location.hash);
  if (!found) return null;
  const first = Number(found[1]);
  return [first, Math.max(first, Number(found[2] || first))];
}

export const nameOf = (first, last) => first === last ? `#L${first}` : `#L${first}-L${last}`;
