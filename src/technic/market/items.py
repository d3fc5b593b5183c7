"""The vocabulary of filings: which numbers technic reads, and what they are called.

A flow covers a stretch (revenue of a quarter), a balance a day (cash on June 30). Of a flow
`x` questions may name `x_ttm` (trailing four quarters), `x_q` (the newest quarter alone), and
both a year before: `x_ttm_year_ago`, `x_q_year_ago`. Of a balance `x` they may name `x`, the
newest, `x_year_ago`, and `x_avg`, the mean of the two.
"""

from __future__ import annotations

from dataclasses import dataclass

FLOW, BALANCE = "flow", "balance"


@dataclass(frozen=True, slots=True)
class Item:
    """One number that filings give.

    Attributes
    ----------
    name : ours
    kind : FLOW or BALANCE
    unit : "money" (USD), "price" (USD per share) or "count" (shares)
    text : what it is
    tags : names in us-gaap, the most specific first
    massive : name in Massive's statements; empty if it has none
    """

    name: str
    kind: str
    unit: str
    text: str
    tags: tuple[str, ...] = ()
    massive: str = ""

    @property
    def per_share(self) -> bool:
        """Whether a split divides it."""
        return self.unit == "price"

    @property
    def columns(self) -> tuple[str, ...]:
        """What a question may name of it."""
        if self.kind == FLOW:
            return tuple(
                f"{self.name}{part}" for part in ("_ttm", "_q", "_ttm_year_ago", "_q_year_ago")
            )
        return (self.name, f"{self.name}_year_ago", f"{self.name}_avg")


def _flow(name: str, text: str, tags: str, massive: str = "", unit: str = "money") -> Item:
    return Item(name, FLOW, unit, text, tuple(tags.split()), massive)


def _balance(name: str, text: str, tags: str, massive: str = "", unit: str = "money") -> Item:
    return Item(name, BALANCE, unit, text, tuple(tags.split()), massive)


ITEMS: dict[str, Item] = {
    item.name: item
    for item in (
        _flow("revenue", "sales of goods and services",
              "RevenueFromContractWithCustomerExcludingAssessedTax Revenues SalesRevenueNet", "revenue"),
        _flow("gross_profit", "revenue less cost of what was sold", "GrossProfit", "gross_profit"),
        _flow("operating_income", "profit before interest and tax", "OperatingIncomeLoss",
              "operating_income"),
        _flow("net_income", "profit of the shareholders", "NetIncomeLoss ProfitLoss",
              "net_income_loss_attributable_common_shareholders"),
        _flow("interest_expense", "interest on debt", "InterestExpense InterestExpenseNonoperating",
              "interest_expense"),
        _flow("depreciation", "depreciation and amortisation",
              "DepreciationDepletionAndAmortization DepreciationAndAmortization",
              "depreciation_depletion_and_amortization"),
        _flow("cash_flow_op", "cash from operations", "NetCashProvidedByUsedInOperatingActivities",
              "net_cash_from_operating_activities"),
        _flow("cash_flow_inv", "cash from investing", "NetCashProvidedByUsedInInvestingActivities",
              "net_cash_from_investing_activities"),
        _flow("cash_flow_fin", "cash from financing", "NetCashProvidedByUsedInFinancingActivities",
              "net_cash_from_financing_activities"),
        _flow("capex", "paid for property, plant and equipment; negative when spent",
              "PaymentsToAcquirePropertyPlantAndEquipment",
              "purchase_of_property_plant_and_equipment"),
        _flow("eps", "earnings per share, diluted", "EarningsPerShareDiluted EarningsPerShareBasic",
              "diluted_earnings_per_share", "price"),
        _flow("dividend_per_share", "dividends declared per share",
              "CommonStockDividendsPerShareDeclared CommonStockDividendsPerShareCashPaid", "", "price"),
        _balance("assets", "everything owned", "Assets", "total_assets"),
        _balance("current_assets", "assets to be cash within a year", "AssetsCurrent",
                 "total_current_assets"),
        _balance("current_liabilities", "debts due within a year", "LiabilitiesCurrent",
                 "total_current_liabilities"),
        _balance("liabilities", "everything owed", "Liabilities", "total_liabilities"),
        _balance("cash", "cash and equivalents",
                 "CashAndCashEquivalentsAtCarryingValue "
                 "CashCashEquivalentsRestrictedCashAndRestrictedCashEquivalents",
                 "cash_and_equivalents"),
        _balance("equity", "assets less liabilities", "StockholdersEquity "
                 "StockholdersEquityIncludingPortionAttributableToNoncontrollingInterest",
                 "total_equity"),
        _balance("retained_earnings", "profits kept since the beginning",
                 "RetainedEarningsAccumulatedDeficit", "retained_earnings_deficit"),
        _balance("debt_long", "debt due after a year", "LongTermDebtNoncurrent LongTermDebt",
                 "long_term_debt_and_capital_lease_obligations"),
        _balance("debt_current", "debt due within a year", "DebtCurrent LongTermDebtCurrent",
                 "debt_current"),
        _balance("shares", "shares outstanding", "EntityCommonStockSharesOutstanding "
                 "CommonStockSharesOutstanding", "shares_outstanding", "count"),
    )
}  # fmt: skip
COLUMNS: dict[str, Item] = {name: item for item in ITEMS.values() for name in item.columns}
