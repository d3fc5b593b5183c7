// What drawings on a canvas have in common.

/** A property of the theme that is in force. */
export function themeColour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** A pen in units of the page, on a canvas as fine as the screen; what was drawn is gone. */
export function preparePen(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  return pen;
}

/** Draw again when the canvas has another size, or the page another theme. */
export function redrawOnChange(canvas, draw) {
  new ResizeObserver(draw).observe(canvas);
  document.addEventListener("technic:theme", draw);
}

/** Draw one straight line. */
export function strokeLine(pen, x1, y1, x2, y2) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}
