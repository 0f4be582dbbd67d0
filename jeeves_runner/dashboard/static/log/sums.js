// How many rows each line takes, and which line stands at a row: a binary indexed tree (Fenwick 1994), so that a
// line of a million can be put right without the others being counted again.

export class Sums {
  constructor() { this.clear(); }

  clear() { this.tree = [0]; this.values = []; this.total = 0; }

  get length() { return this.values.length; }

  push(value) {
    const at = this.tree.length;
    let sum = value;
    for (let below = at - 1; below > at - (at & -at); below -= below & -below) sum += this.tree[below];
    this.tree.push(sum);
    this.values.push(value);
    this.total += value;
  }

  set(index, value) {
    const by = value - this.values[index];
    if (!by) return 0;
    this.values[index] = value;
    this.total += by;
    for (let at = index + 1; at < this.tree.length; at += at & -at) this.tree[at] += by;
    return by;
  }

  // The rows before a line.
  before(index) {
    let sum = 0;
    for (let at = index; at > 0; at -= at & -at) sum += this.tree[at];
    return sum;
  }

  // The line that has a row.
  at(row) {
    let index = 0;
    let left = row;
    for (let step = 1 << (31 - Math.clz32(this.tree.length)); step; step >>= 1) {
      const next = index + step;
      if (next < this.tree.length && this.tree[next] <= left) { index = next; left -= this.tree[next]; }
    }
    return Math.min(index, Math.max(0, this.values.length - 1));
  }
}
