// The map itself: sectors with their names, industries, and the box of each symbol.

import { formatNumber, formatSigned } from "../../base/format.js";
import { themeColour } from "../canvas.js";
import { groupBy, inset, squarify } from "./layout.js";
import { shadeOf } from "./shades.js";

const SECTOR_HEAD = 18;
const INDUSTRY_HEAD = 15;
const LEAST_SIDE = 0.6; // below it, a box cannot be seen
const GAP = 0.7;

/** As much of a text as there is room for. */
function fitText(pen, text, room) {
  if (pen.measureText(text).width <= room) return text;
  let cut = text;
  while (cut.length > 1 && pen.measureText(`${cut}…`).width > room) cut = cut.slice(0, -1);
  return cut.length > 1 ? `${cut}…` : "";
}

/** Paint all sectors, or one alone; the boxes that were drawn, and the heads of sectors. */
export function paintMap({ pen, symbols, scale, isZoomed, width, height }) {
  const painted = { boxes: [], heads: [] };
  const inks = { head: themeColour("--ink"), name: themeColour("--soft") };
  const map = { pen, scale, isZoomed, inks, sunk: themeColour("--sunk"), painted };
  const sectors = groupBy(symbols, "sector");
  squarify(sectors, { x: 0, y: 0, w: width, h: height });
  for (const sector of sectors) paintSector(map, sector);
  return painted;
}

function paintSector(map, sector) {
  const { pen, painted } = map;
  pen.fillStyle = map.sunk;
  pen.fillRect(sector.x, sector.y, sector.w, sector.h);
  const head = sector.h > 60 && sector.w > 60 ? SECTOR_HEAD : 0;
  const industries = groupBy(sector.members, "industry");
  squarify(industries, inset(sector, head));
  for (const industry of industries) paintIndustry(map, industry);
  if (!head) return;
  painted.heads.push({ ...sector, h: head });
  pen.fillStyle = map.inks.head;
  pen.font = "600 11px system-ui";
  pen.fillText(fitText(pen, sector.name, sector.w - 8), sector.x + 5, sector.y + 13);
}

function paintIndustry(map, industry) {
  const { pen, painted } = map;
  const isNamed = map.isZoomed && industry.h > 46 && industry.w > 70;
  squarify(industry.members, inset(industry, isNamed ? INDUSTRY_HEAD : 0));
  if (isNamed) {
    pen.fillStyle = map.inks.name;
    pen.font = "10px system-ui";
    pen.fillText(fitText(pen, industry.name, industry.w - 6), industry.x + 4, industry.y + 11);
  }
  for (const box of industry.members) {
    if (!(box.w > LEAST_SIDE && box.h > LEAST_SIDE)) continue;
    paintBox(map, box);
    painted.boxes.push(box);
  }
}

function paintBox({ pen, scale }, box) {
  pen.fillStyle = shadeOf(box.colour, scale);
  pen.fillRect(box.x, box.y, box.w - GAP, box.h - GAP);
  if (box.w > 32 && box.h > 17) paintBoxTexts(pen, scale, box);
}

function paintBoxTexts(pen, scale, box) {
  const size = Math.max(9, Math.min(26, box.w / 4.2, box.h / 2.4));
  const hasRoom = box.h > size * 2.3;
  const [middleX, middleY, width] = [box.x + box.w / 2, box.y + box.h / 2, box.w - 4];
  pen.fillStyle = "#ffffff";
  pen.textAlign = "center";
  pen.font = `650 ${size}px system-ui`;
  const symbolY = middleY + (hasRoom ? 0 : size * 0.36);
  pen.fillText(fitText(pen, box.symbol, width), middleX, symbolY);
  if (hasRoom) {
    const value = scale.isDiverging ? formatSigned(box.colour) : formatNumber(box.colour);
    pen.font = `${Math.max(9, size * 0.62)}px system-ui`;
    pen.fillText(fitText(pen, value, width), middleX, middleY + size * 0.9);
  }
  pen.textAlign = "left";
}
