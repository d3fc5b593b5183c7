// The market as areas: sectors, industries, symbols; squarified (Bruls, Huizing, van Wijk 2000).

import { h } from "./dom.js";
import { number, signed } from "./format.js";

const HEAD = 18;

/** Lay entries with a `size` out in a rectangle; each gets x, y, w, h. */
function squarify(entries, x, y, w, tall) {
  const total = entries.reduce((sum, e) => sum + e.size, 0);
  if (!total || w <= 0 || tall <= 0) return;
  const scale = w * tall / total;
  let rest = entries.map((e) => ({ e, area: e.size * scale }));
  while (rest.length) {
    const side = Math.min(w, tall);
    let row = [], sum = 0, worst = Infinity;
    for (const next of rest) {
      const now = sum + next.area, least = Math.min(...row.map((r) => r.area), next.area), most = Math.max(...row.map((r) => r.area), next.area);
      const ratio = Math.max(side * side * most / (now * now), now * now / (side * side * least));
      if (row.length && ratio > worst) break;
      row.push(next); sum = now; worst = ratio;
    }
    const thick = sum / side;
    let along = 0;
    for (const { e, area } of row) {
      const length = area / thick;
      if (w >= tall) Object.assign(e, { x, y: y + along, w: thick, h: length }); else Object.assign(e, { x: x + along, y, w: length, h: thick });
      along += length;
    }
    if (w >= tall) { x += thick; w -= thick; } else { y += thick; tall -= thick; }
    rest = rest.slice(row.length);
  }
}

/** A heat map of an answer of /market. */
export class Treemap {
  constructor({ open }) {
    this.open = open;
    this.tip = h("div", { class: "tip", hidden: true });
    this.canvas = h("canvas", { role: "img", onpointermove: (event) => this.hover(event), onpointerleave: () => { this.tip.hidden = true; }, onclick: (event) => this.click(event) });
    this.only = null;
    this.back = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => this.zoom(null) }, "← all sectors");
    this.element = h("div", {}, this.back, this.canvas, this.tip);
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    document.addEventListener("technic:theme", () => this.draw());
  }

  show(market) {
    this.market = market;
    const known = market.symbols.map((e) => e.colour).filter((v) => v !== null).sort((a, b) => a - b);
    const low = known[Math.floor(known.length * 0.04)] ?? 0, high = known[Math.floor(known.length * 0.96)] ?? 1;
    this.diverges = low < 0 && high > 0;
    this.low = this.diverges ? -Math.max(-low, high) : low;
    this.high = this.diverges ? Math.max(-low, high) : high;
    this.canvas.setAttribute("aria-label", `Map of ${market.symbols.length} symbols by sector; sized by ${market.size}, coloured by ${market.colour}`);
    this.draw();
  }

  draw() {
    const wide = this.canvas.clientWidth;
    if (!this.market || !wide) return;
    const tall = wide < 600 ? Math.round(wide * 1.5) : Math.max(430, Math.min(Math.round(wide * 0.5), 760));
    this.canvas.style.height = `${tall}px`;
    const ratio = window.devicePixelRatio || 1, pen = this.canvas.getContext("2d");
    this.canvas.width = wide * ratio; this.canvas.height = tall * ratio;
    pen.scale(ratio, ratio);
    this.ink = getComputedStyle(document.documentElement);
    const sectors = grouped(this.market.symbols.filter((e) => this.only === null || e.sector === this.only), "sector");
    this.heads = [];
    squarify(sectors, 0, 0, wide, tall);
    this.drawn = [];
    for (const sector of sectors) {
      pen.fillStyle = this.ink.getPropertyValue("--sunk"); pen.fillRect(sector.x, sector.y, sector.w, sector.h);
      const head = sector.h > 60 && sector.w > 60 ? HEAD : 0, industries = grouped(sector.members, "industry");
      squarify(industries, sector.x + 1, sector.y + 1 + head, sector.w - 2, sector.h - 2 - head);
      for (const industry of industries) {
        const named = this.only !== null && industry.h > 46 && industry.w > 70 ? 15 : 0;
        squarify(industry.members, industry.x + 1, industry.y + 1 + named, industry.w - 2, industry.h - 2 - named);
        if (named) { pen.fillStyle = this.ink.getPropertyValue("--soft"); pen.font = "10px system-ui"; pen.fillText(fit(pen, industry.name, industry.w - 6), industry.x + 4, industry.y + 11); }
        for (const e of industry.members) this.box(pen, e);
      }
      if (head) this.heads.push({ ...sector, h: head });
      if (head) { pen.fillStyle = this.ink.getPropertyValue("--ink"); pen.font = "600 11px system-ui"; pen.fillText(fit(pen, sector.name, sector.w - 8), sector.x + 5, sector.y + 13); }
    }
  }

  box(pen, e) {
    if (!(e.w > 0.6 && e.h > 0.6)) return;
    pen.fillStyle = this.shade(e.colour);
    pen.fillRect(e.x, e.y, e.w - 0.7, e.h - 0.7);
    this.drawn.push(e);
    if (e.w > 32 && e.h > 17) {
      const size = Math.max(9, Math.min(26, e.w / 4.2, e.h / 2.4));
      pen.fillStyle = "#ffffff"; pen.font = `650 ${size}px system-ui`; pen.textAlign = "center";
      const room = e.h > size * 2.3;
      pen.fillText(fit(pen, e.symbol, e.w - 4), e.x + e.w / 2, e.y + e.h / 2 + (room ? 0 : size * 0.36));
      if (room) { pen.font = `${Math.max(9, size * 0.62)}px system-ui`; pen.fillText(fit(pen, this.diverges ? signed(e.colour) : number(e.colour), e.w - 4), e.x + e.w / 2, e.y + e.h / 2 + size * 0.9); }
      pen.textAlign = "left";
    }
  }

  shade(value) {
    if (value === null) return "#7b8580";
    const share = Math.max(0, Math.min(1, (value - this.low) / (this.high - this.low || 1)));
    const stops = this.diverges ? [[171, 40, 22], [58, 66, 63], [16, 120, 56]] : [[38, 52, 74], [36, 98, 130], [28, 150, 130]];
    const [a, b] = share < 0.5 ? [stops[0], stops[1]] : [stops[1], stops[2]], t = share < 0.5 ? share * 2 : share * 2 - 1;
    return `rgb(${a.map((v, k) => Math.round(v + (b[k] - v) * t)).join(" ")})`;
  }

  /** Show one sector alone, by the name of its industries; all of them again with null. */
  zoom(sector) {
    this.only = sector;
    this.back.hidden = sector === null;
    this.draw();
  }

  click(event) {
    const hit = this.hit(event), head = this.heads?.find((s) => event.offsetX >= s.x && event.offsetX < s.x + s.w && event.offsetY >= s.y && event.offsetY < s.y + s.h);
    if (hit) this.open(hit.symbol);
    else if (head) this.zoom(this.only === null ? head.name : null);
  }

  hit(event) { return this.drawn?.find((e) => event.offsetX >= e.x && event.offsetX < e.x + e.w && event.offsetY >= e.y && event.offsetY < e.y + e.h); }

  hover(event) {
    const e = this.hit(event);
    this.tip.hidden = !e;
    if (!e) return;
    this.tip.replaceChildren(h("strong", {}, e.symbol), ` ${e.name || ""}`, h("br"), `${e.sector} · ${e.industry}`, h("br"), `${this.market.colour}: ${number(e.colour)} · ${this.market.size}: ${number(e.size)}`);
    this.tip.style.left = `${Math.min(event.clientX + 14, innerWidth - 292)}px`;
    this.tip.style.top = `${Math.min(event.clientY + 14, innerHeight - 90)}px`;
  }
}

function grouped(members, key) {
  const found = new Map();
  for (const e of members) {
    if (!found.has(e[key])) found.set(e[key], { name: e[key], size: 0, members: [] });
    const group = found.get(e[key]);
    group.size += e.size;
    group.members.push(e);
  }
  return [...found.values()].sort((a, b) => b.size - a.size);
}

function fit(pen, text, room) {
  if (pen.measureText(text).width <= room) return text;
  let cut = text;
  while (cut.length > 1 && pen.measureText(`${cut}…`).width > room) cut = cut.slice(0, -1);
  return cut.length > 1 ? `${cut}…` : "";
}
