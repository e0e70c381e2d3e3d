// Lays out a Sankey diagram: a column for each dimension, a node for each value, ribbons between neighbours.

export interface Item {
  keys: string[];
  value: number;
}

export interface Node {
  id: string;
  column: number;
  name: string;
  value: number;
  x: number;
  y: number;
  height: number;
}

export interface Ribbon {
  from: Node;
  to: Node;
  value: number;
  /** Where it begins and ends, from the top of the drawing, and how broad it is. */
  start: number;
  end: number;
  width: number;
}

const sum = (list: number[]) => list.reduce((a, b) => a + b, 0);

/** Nodes are ordered by value from the top; what is small keeps at least a pixel. */
export function layout(items: Item[], width: number, height: number, gap = 8, bar = 12): { nodes: Node[]; ribbons: Ribbon[] } {
  const columns = items[0]?.keys.length ?? 0;
  const total = sum(items.map((i) => i.value));
  if (!columns || total <= 0) return { nodes: [], ribbons: [] };
  const byColumn: Map<string, Node>[] = [];
  for (let column = 0; column < columns; column++) {
    const values = new Map<string, number>();
    for (const item of items) values.set(item.keys[column] ?? '', (values.get(item.keys[column] ?? '') ?? 0) + item.value);
    const x = columns === 1 ? 0 : (column * (width - bar)) / (columns - 1);
    byColumn.push(new Map([...values].sort((a, b) => b[1] - a[1]).map(([name, value]) => [name, { id: `${column}:${name}`, column, name, value, x, y: 0, height: 0 }])));
  }
  const most = Math.max(...byColumn.map((c) => c.size));
  const scale = Math.max(0, height - (most - 1) * gap) / total;
  for (const column of byColumn) {
    const used = sum([...column.values()].map((n) => Math.max(1, n.value * scale))) + (column.size - 1) * gap;
    let y = Math.max(0, (height - used) / 2);
    for (const node of column.values()) {
      node.height = Math.max(1, node.value * scale);
      node.y = y;
      y += node.height + gap;
    }
  }
  return { nodes: byColumn.flatMap((c) => [...c.values()]), ribbons: ribbons(items, byColumn, scale) };
}

function ribbons(items: Item[], columns: Map<string, Node>[], scale: number): Ribbon[] {
  const all: Ribbon[] = [];
  for (let i = 0; i + 1 < columns.length; i++) {
    const between = new Map<string, Ribbon>();
    for (const item of items) {
      const from = columns[i]?.get(item.keys[i] ?? '');
      const to = columns[i + 1]?.get(item.keys[i + 1] ?? '');
      if (!from || !to) continue;
      const key = JSON.stringify([from.id, to.id]);
      const ribbon = between.get(key) ?? { from, to, value: 0, start: 0, end: 0, width: 0 };
      ribbon.value += item.value;
      between.set(key, ribbon);
    }
    const list = [...between.values()];
    for (const ribbon of list) ribbon.width = ribbon.value * scale;
    // Ribbons leave a node in the order in which their other ends lie, so that few of them cross.
    const place = (mine: 'from' | 'to', other: 'from' | 'to', set: (r: Ribbon, y: number) => void) => {
      const at = new Map<string, number>();
      for (const r of [...list].sort((a, b) => a[other].y - b[other].y)) {
        const y = at.get(r[mine].id) ?? r[mine].y;
        set(r, y);
        at.set(r[mine].id, y + r.width);
      }
    };
    place('from', 'to', (r, y) => (r.start = y));
    place('to', 'from', (r, y) => (r.end = y));
    all.push(...list);
  }
  return all;
}
