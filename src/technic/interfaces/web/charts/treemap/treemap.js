// The market as areas: sectors, industries, symbols. A sector's name shows it alone.

import { h } from "../../base/dom.js";
import { formatNumber } from "../../base/format.js";
import { preparePen, redrawOnChange } from "../canvas.js";
import { contains } from "./layout.js";
import { paintMap } from "./painting.js";
import { shadeScale } from "./shades.js";

const TIP = { width: 292, height: 90, distance: 14 };

function heightFor(width) {
  if (width < 600) return Math.round(width * 1.5);
  return Math.max(430, Math.min(Math.round(width * 0.5), 760));
}

/** A heat map of an answer of /market. */
export class Treemap {
  constructor({ onOpen }) {
    this.onOpen = onOpen;
    this.market = null;
    this.sector = null; // the one that is shown alone
    this.painted = { boxes: [], heads: [] };
    this.createElements();
    redrawOnChange(this.canvas, () => this.draw());
  }

  createElements() {
    this.tip = h("div", { class: "tip", hidden: true });
    this.canvas = h("canvas", {
      role: "img",
      onpointermove: (event) => this.onPointerMove(event),
      onpointerleave: () => this.hideTip(),
      onclick: (event) => this.onClick(event),
    });
    const onclick = () => this.showSector(null);
    const attributes = { type: "button", class: "quiet", hidden: true, onclick };
    this.back = h("button", attributes, "← all sectors");
    this.element = h("div", {}, this.back, this.canvas, this.tip);
  }

  show(market) {
    this.market = market;
    this.scale = shadeScale(market.symbols.map((symbol) => symbol.colour));
    const label =
      `Map of ${market.symbols.length} symbols by sector; ` +
      `sized by ${market.size}, coloured by ${market.colour}`;
    this.canvas.setAttribute("aria-label", label);
    this.draw();
  }

  /** Show one sector alone, by the name of its industries; all of them again with null. */
  showSector(name) {
    this.sector = name;
    this.back.hidden = name === null;
    this.draw();
  }

  draw() {
    const width = this.canvas.clientWidth;
    if (!this.market || !width) return;
    const height = heightFor(width);
    this.canvas.style.height = `${height}px`;
    const { sector, scale } = this;
    const isShown = (symbol) => sector === null || symbol.sector === sector;
    this.painted = paintMap({
      pen: preparePen(this.canvas, width, height),
      symbols: this.market.symbols.filter(isShown),
      scale,
      isZoomed: sector !== null,
      width,
      height,
    });
  }

  boxUnder(event) {
    return this.painted.boxes.find((box) => contains(box, event.offsetX, event.offsetY));
  }

  headUnder(event) {
    return this.painted.heads.find((head) => contains(head, event.offsetX, event.offsetY));
  }

  onClick(event) {
    const [box, head] = [this.boxUnder(event), this.headUnder(event)];
    if (box) this.onOpen(box.symbol);
    else if (head) this.showSector(this.sector === null ? head.name : null);
  }

  onPointerMove(event) {
    const box = this.boxUnder(event);
    if (box) this.showTip(box, event);
    else this.hideTip();
  }

  hideTip() {
    this.tip.hidden = true;
  }

  showTip(box, { clientX, clientY }) {
    const { colour, size } = this.market;
    this.tip.hidden = false;
    this.tip.replaceChildren(
      h("strong", {}, box.symbol),
      ` ${box.name || ""}`,
      h("br"),
      `${box.sector} · ${box.industry}`,
      h("br"),
      `${colour}: ${formatNumber(box.colour)} · ${size}: ${formatNumber(box.size)}`,
    );
    this.tip.style.left = `${Math.min(clientX + TIP.distance, innerWidth - TIP.width)}px`;
    this.tip.style.top = `${Math.min(clientY + TIP.distance, innerHeight - TIP.height)}px`;
  }
}
