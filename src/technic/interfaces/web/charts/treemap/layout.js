// Areas by size: squarified (Bruls, Huizing, van Wijk 2000).

/** The worst ratio of sides among areas that share a strip along a side of such a length. */
function worstRatio(areas, side) {
  const sum = areas.reduce((total, area) => total + area, 0);
  const [least, most] = [Math.min(...areas), Math.max(...areas)];
  return Math.max((side * side * most) / (sum * sum), (sum * sum) / (side * side * least));
}

/** As many of the first items as make a strip without its areas becoming slimmer. */
function takeStrip(items, side) {
  const strip = [];
  let areas = [];
  let worst = Infinity;
  for (const item of items) {
    const candidate = [...areas, item.area];
    const ratio = worstRatio(candidate, side);
    if (strip.length && ratio > worst) break;
    strip.push(item);
    areas = candidate;
    worst = ratio;
  }
  return strip;
}

/** Lay a strip along the shorter side of what is free; what is left free after it. */
function layStrip(strip, free) {
  const isUpright = free.w >= free.h;
  const area = strip.reduce((total, item) => total + item.area, 0);
  const thickness = area / (isUpright ? free.h : free.w);
  let along = 0;
  for (const item of strip) {
    const length = item.area / thickness;
    const place = isUpright
      ? { x: free.x, y: free.y + along, w: thickness, h: length }
      : { x: free.x + along, y: free.y, w: length, h: thickness };
    Object.assign(item.entry, place);
    along += length;
  }
  if (isUpright) return { ...free, x: free.x + thickness, w: free.w - thickness };
  return { ...free, y: free.y + thickness, h: free.h - thickness };
}

/** Lay entries with a `size` out in a rectangle; each gets x, y, w, h. */
export function squarify(entries, rectangle) {
  const total = entries.reduce((sum, entry) => sum + entry.size, 0);
  if (!total || rectangle.w <= 0 || rectangle.h <= 0) return;
  const scale = (rectangle.w * rectangle.h) / total;
  let items = entries.map((entry) => ({ entry, area: entry.size * scale }));
  let free = rectangle;
  while (items.length) {
    const strip = takeStrip(items, Math.min(free.w, free.h));
    free = layStrip(strip, free);
    items = items.slice(strip.length);
  }
}

/** A rectangle without its edges, and without a head of some height. */
export function inset({ x, y, w, h }, head = 0) {
  return { x: x + 1, y: y + 1 + head, w: w - 2, h: h - 2 - head };
}

/** Whether a place lies in a rectangle. */
export function contains(rectangle, x, y) {
  const { x: left, y: top, w, h } = rectangle;
  return x >= left && x < left + w && y >= top && y < top + h;
}

/** Entries by what they hold under a key, the largest group first. */
export function groupBy(entries, key) {
  const groups = new Map();
  for (const entry of entries) {
    const name = entry[key];
    if (!groups.has(name)) groups.set(name, { name, size: 0, members: [] });
    const group = groups.get(name);
    group.size += entry.size;
    group.members.push(entry);
  }
  return [...groups.values()].sort((a, b) => b.size - a.size);
}
