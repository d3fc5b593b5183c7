// What a backtest found: the verdict first, then what it rests on.

import { downloadFile } from "../../base/api.js";
import { h } from "../../base/dom.js";
import {
  countOf,
  formatNumber,
  formatShare,
  formatSigned,
  formatWhole,
} from "../../base/format.js";
import { cardHeader, figuresTable, namedCard, remark, scrollCard } from "../../parts/cards.js";
import { toastProblem } from "../../parts/notices.js";
import { columnsPlot } from "../../plots/bars.js";
import { linesPlot } from "../../plots/lines.js";

const TRADES = 40;
const FIGURES = ["", "net", "before costs", "benchmark"];
const YEARS = ["year", "return", "benchmark", "deepest fall"];
const COLUMNS_OF_TRADES = [
  ...["symbol", "in", "out", "shares", "bought at"],
  ...["sold at", "costs", "profit", "why"],
];
const SEAL_LENGTH = 16;

/** How far an account has fallen from its height, in percent, on each session. */
function fallsFromHeight(equity) {
  let height = -Infinity;
  return equity.map((value) => {
    height = Math.max(height, value);
    return 100 * (value / height - 1);
  });
}

function renderPageButton(job) {
  const file = { accept: "text/html", filename: "technic-backtest.html" };
  const onclick = () => downloadFile(`jobs/${job.id}/page`, file).catch(toastProblem);
  return h("button", { type: "button", onclick }, "Page");
}

function renderVerdict(report, job) {
  const { name, first, last, equity } = report;
  const days = equity.map(({ session }) => session);
  const account = equity.map((row) => row.equity);
  const benchmark = equity.map((row) => row.benchmark);
  const series = [
    { name: "account", values: account },
    { name: "benchmark", values: benchmark },
  ];
  const falls = [{ name: "account", values: fallsFromHeight(account) }];
  return namedCard(
    "Verdict",
    cardHeader(`${name}, ${first} to ${last}`, renderPageButton(job)),
    h("p", {}, h("strong", {}, report.verdict)),
    report.notes.map((note) => remark(note)),
    linesPlot("Account and benchmark, USD", days, series),
    h("h3", {}, "Fall from the height, %"),
    linesPlot("Fall from the height", days, falls, { height: 110, digits: 1 }),
  );
}

function renderYears(years) {
  const returns = years.map((one) => [String(one.year), 100 * one.return]);
  const rows = years.map((one) => [
    String(one.year),
    formatShare(one.return),
    formatShare(one.benchmark),
    formatShare(one.drawdown),
  ]);
  return scrollCard(
    "By year",
    h("h2", {}, "By year"),
    columnsPlot("Return by year, %", returns, { digits: 1 }),
    figuresTable(YEARS, rows),
  );
}

function renderFigures({ figures, years }) {
  const card = scrollCard("Figures", h("h2", {}, "Figures"), figuresTable(FIGURES, figures));
  return h("div", { class: "cards" }, card, renderYears(years));
}

function renderHangs({ hangs }) {
  const title = "What it hangs on";
  const texts = hangs.map((text) => h("p", {}, text));
  return namedCard(title, h("h2", {}, title), texts);
}

function describeTrade(trade) {
  return [
    trade.symbol,
    trade.entry,
    trade.exit,
    formatWhole(trade.shares),
    formatNumber(trade.entry_price),
    formatNumber(trade.exit_price),
    formatNumber(trade.costs),
    formatSigned(trade.profit),
    trade.reason,
  ];
}

function renderTrades({ trades }) {
  const title = h("h2", {}, `${formatWhole(trades.length)} trades, the newest`);
  const rows = trades.slice(-TRADES).reverse().map(describeTrade);
  return scrollCard("Trades", title, figuresTable(COLUMNS_OF_TRADES, rows));
}

function describeSeal({ performance, trials, manifest }) {
  const { sharpe, dsr } = performance;
  const deflated = `Deflated by ${countOf(trials, "trial")}: ${formatNumber(dsr)}. `;
  const seal = manifest.seal.slice(0, SEAL_LENGTH);
  return `${sharpe === null ? "" : deflated}Sealed ${seal}; technic verify runs it again.`;
}

/** A finished backtest, from the job that made it. */
export function renderReport(report, job) {
  return [
    renderVerdict(report, job),
    renderFigures(report),
    renderHangs(report),
    renderTrades(report),
    remark(describeSeal(report)),
  ];
}
