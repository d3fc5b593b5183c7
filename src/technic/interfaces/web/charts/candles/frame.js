// Where things stand on a chart of candles: which bars, on which scale, above which panel.

export const HEIGHT = 460;
export const SCALE_WIDTH = 66; // on the right, for prices
export const VOLUME_SHARE = 0.17; // of the height of the prices
const DATES_HEIGHT = 22;
const PANEL_HEIGHT = 92; // for lines that are not prices
const TOP = 8;
const NEVER_PRICES = /^(rsi|adx|stoch|mfi|aroon|cci)/;

/** Whether an indicator is a price by its size, and is drawn over the candles. */
function isPrice(name, values, close) {
  const last = values.findLast((value) => value !== null);
  return last !== undefined && last > close / 4 && last < close * 4 && !NEVER_PRICES.test(name);
}

/** The indicators of a chart: those over its candles, and those in a panel below. */
function splitIndicators(data) {
  const close = data.close[data.close.length - 1];
  const indicators = Object.entries(data.indicators);
  const onPrice = indicators.filter(([name, values]) => isPrice(name, values, close));
  const below = indicators.filter(([name, values]) => !isPrice(name, values, close));
  return { onPrice, below };
}

/** The levels of a plan that are known. */
export function planLevels(plan) {
  return plan ? [plan.entry, plan.stop, plan.target].filter((level) => level !== null) : [];
}

function priceExtent({ data, first, end, onPrice, plan }) {
  const values = [
    ...data.low.slice(first, end),
    ...data.high.slice(first, end),
    ...onPrice.flatMap(([, line]) => line.slice(first, end)),
    ...planLevels(plan),
  ].filter((value) => value !== null && Number.isFinite(value));
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low) * 0.05 || 1;
  return [low - room, high + room];
}

/** The frame in which some bars of a chart are painted by a pen. */
export function createFrame({ pen, data, first, end, plan, width }) {
  const { onPrice, below } = splitIndicators(data);
  const panelHeight = below.length ? PANEL_HEIGHT : 0;
  const base = HEIGHT - DATES_HEIGHT - panelHeight;
  const right = width - SCALE_WIDTH;
  const [low, high] = priceExtent({ data, first, end, onPrice, plan });
  const reach = (base - TOP) * (1 - VOLUME_SHARE * 0.5);
  return {
    ...{ pen, data, first, end, plan, onPrice, below, panelHeight, base, right, low, high },
    barWidth: right / (end - first),
    volumeHeight: (base - TOP) * VOLUME_SHARE,
    x: (k) => (right * (k - first + 0.5)) / (end - first),
    y: (price) => TOP + (reach * (high - price)) / (high - low),
  };
}

/** The bar under a place on the screen. */
export function barAt({ first, end, barWidth }, x) {
  return Math.max(first, Math.min(end - 1, Math.floor(first + x / barWidth)));
}
