"""Tickers and names for listings that do not exist."""

from __future__ import annotations

import numpy as np

# Real hazards: each of these has been a ticker, and has broken somebody's parser.
HAZARDS = ("NA", "NAN", "TRUE", "ON", "DEC", "PRN", "BRK.B", "BF.B", "NULL", "INF")
LETTERS = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
HEADS = [
    "Alder",
    "Amber",
    "Apex",
    "Arbor",
    "Argo",
    "Aspen",
    "Atlas",
    "Beacon",
    "Birch",
    "Bolt",
    "Boreal",
    "Cedar",
    "Cinder",
    "Clover",
    "Cobalt",
    "Copper",
    "Coral",
    "Crest",
    "Delta",
    "Drift",
    "Eagle",
    "Ember",
    "Falcon",
    "Fern",
    "Flint",
    "Forge",
    "Garnet",
    "Glade",
    "Granite",
    "Harbor",
    "Hazel",
    "Helix",
    "Heron",
    "Holder",
    "Indigo",
    "Iron",
    "Jasper",
    "Juniper",
    "Keel",
    "Lark",
    "Laurel",
    "Linden",
    "Lumen",
    "Maple",
    "Marlin",
    "Mesa",
    "Mica",
    "Noble",
    "North",
    "Oaken",
    "Onyx",
    "Opal",
    "Orchid",
    "Osprey",
    "Pearl",
    "Pine",
    "Prairie",
    "Quartz",
    "Quill",
    "Quiver",
    "Raven",
    "Ridge",
    "River",
    "Rowan",
    "Sable",
    "Sage",
    "Shale",
    "Sierra",
    "Slate",
    "Sorrel",
    "Spruce",
    "Stone",
    "Summit",
    "Swift",
    "Talon",
    "Teal",
    "Terra",
    "Thorn",
    "Tidal",
    "Umber",
    "Vale",
    "Vector",
    "Verdant",
    "Vesper",
    "Violet",
    "Walnut",
    "Willow",
    "Wren",
    "Zephyr",
    "Zinc",
]
TAILS = {
    "Communication Services": ("Media", "Networks", "Broadcasting"),
    "Consumer Discretionary": ("Outfitters", "Motors", "Resorts"),
    "Consumer Staples": ("Foods", "Brands", "Beverages"),
    "Energy": ("Petroleum", "Energy", "Drilling"),
    "Financials": ("Bancorp", "Capital", "Insurance"),
    "Health Care": ("Therapeutics", "Medical", "Biosciences"),
    "Industrials": ("Industries", "Rail", "Tooling"),
    "Information Technology": ("Systems", "Software", "Semiconductor"),
    "Materials": ("Mining", "Chemicals", "Metals"),
    "Real Estate": ("Properties", "Realty", "Residential"),
    "Utilities": ("Power", "Water", "Gas"),
}


def tickers(count: int, rng: np.random.Generator) -> list[str]:
    """Draw different tickers of one to five letters, some of `HAZARDS` among them."""
    names = dict.fromkeys(HAZARDS[: max(count // 20, 1)])
    while len(names) < count:
        lengths = rng.choice([1, 2, 3, 4, 5], size=count, p=[0.004, 0.04, 0.3, 0.556, 0.1])
        drawn = rng.choice(LETTERS, size=(count, 5))
        for letters, length in zip(drawn, lengths, strict=True):
            names.setdefault("".join(letters[:length]))
            if len(names) == count:
                break
    ordered = np.array(list(names))
    rng.shuffle(ordered)
    return [str(symbol) for symbol in ordered]


def company(sector: str, rng: np.random.Generator) -> str:
    """Draw the name of a company of a sector."""
    head = HEADS[rng.integers(len(HEADS))]
    tails = TAILS[sector]
    return f"{head} {tails[rng.integers(len(tails))]}"


def fund(rng: np.random.Generator) -> str:
    """Draw the name of a fund."""
    themes = ("Large Cap", "Small Cap", "Dividend", "Growth", "Value", "Treasury", "Momentum")
    return f"{HEADS[rng.integers(len(HEADS))]} {themes[rng.integers(len(themes))]} ETF"
