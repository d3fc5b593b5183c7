"""Sector of a company from its Standard Industrial Classification.

The SIC is older than the sectors that traders use: it sorts by what is made, they sort by who
buys it. `RULES` says for each division, major group (two digits), industry group (three) or
industry (four) of the manual in which of the eleven sectors its companies belong; the narrowest
rule that covers a code decides. No rule names a company. `EXCEPTIONS` are the few companies
whose code says nothing about them, by their number at the SEC.

References
----------
Standard Industrial Classification Manual (1987), Office of Management and Budget; the SEC's
list of SIC codes, which EDGAR assigns to filers.
"""

from __future__ import annotations

from functools import cache

COMMUNICATION = "Communication Services"
DISCRETIONARY = "Consumer Discretionary"
STAPLES = "Consumer Staples"
ENERGY = "Energy"
FINANCIALS = "Financials"
HEALTH = "Health Care"
INDUSTRIALS = "Industrials"
TECHNOLOGY = "Information Technology"
MATERIALS = "Materials"
REAL_ESTATE = "Real Estate"
UTILITIES = "Utilities"

# First and last code, sector, and the manual's title of that range.
RULES: tuple[tuple[int, int, str, str], ...] = (
    (100, 299, STAPLES, "Division A, 01–02 Agricultural production"),
    (700, 799, STAPLES, "07 Agricultural services"),
    (800, 899, MATERIALS, "08 Forestry"),
    (900, 999, STAPLES, "09 Fishing, hunting and trapping"),
    (1000, 1099, MATERIALS, "10 Metal mining"),
    (1200, 1299, ENERGY, "12 Coal mining"),
    (1300, 1399, ENERGY, "13 Oil and gas extraction"),
    (1400, 1499, MATERIALS, "14 Mining and quarrying of nonmetallic minerals"),
    (1500, 1599, DISCRETIONARY, "15 Building construction, general contractors: homes"),
    (1540, 1549, INDUSTRIALS, "154 General building contractors, nonresidential"),
    (1600, 1799, INDUSTRIALS, "16–17 Heavy construction; special trade contractors"),
    (2000, 2199, STAPLES, "20–21 Food and kindred products; tobacco products"),
    (2200, 2399, DISCRETIONARY, "22–23 Textile mill products; apparel"),
    (2400, 2499, MATERIALS, "24 Lumber and wood products"),
    (2430, 2439, INDUSTRIALS, "243 Millwork, veneer, plywood, structural members"),
    (2450, 2459, DISCRETIONARY, "245 Wood buildings and mobile homes"),
    (2500, 2519, DISCRETIONARY, "251 Household furniture"),
    (2520, 2599, INDUSTRIALS, "252–259 Office and public building furniture, fixtures"),
    (2600, 2699, MATERIALS, "26 Paper and allied products"),
    (2676, 2676, STAPLES, "2676 Sanitary paper products"),
    (2700, 2749, COMMUNICATION, "271–274 Newspapers, periodicals, books, publishing"),
    (2750, 2799, INDUSTRIALS, "275–279 Commercial printing, business forms"),
    (2771, 2771, DISCRETIONARY, "2771 Greeting cards"),
    (2800, 2829, MATERIALS, "281–282 Industrial inorganic chemicals, plastics materials"),
    (2830, 2839, HEALTH, "283 Drugs"),
    (2840, 2849, STAPLES, "284 Soap, detergents, cleaning preparations, cosmetics"),
    (2850, 2899, MATERIALS, "285–289 Paints, organic and agricultural chemicals"),
    (2900, 2949, ENERGY, "291 Petroleum refining"),
    (2950, 2989, MATERIALS, "295 Asphalt paving and roofing materials"),
    (2990, 2999, ENERGY, "299 Miscellaneous products of petroleum and coal"),
    (3000, 3099, MATERIALS, "30 Rubber and miscellaneous plastics products"),
    (3010, 3029, DISCRETIONARY, "301–302 Tires; rubber and plastics footwear"),
    (3050, 3059, INDUSTRIALS, "305 Gaskets, packing and sealing devices, hose"),
    (3080, 3089, MATERIALS, "308 Miscellaneous plastics products"),
    (3100, 3199, DISCRETIONARY, "31 Leather and leather products"),
    (3200, 3299, MATERIALS, "32 Stone, clay, glass and concrete products"),
    (3260, 3269, INDUSTRIALS, "326 Pottery and plumbing fixtures"),
    (3290, 3299, INDUSTRIALS, "329 Abrasive, asbestos, nonmetallic mineral products"),
    (3300, 3399, MATERIALS, "33 Primary metal industries"),
    (3350, 3369, INDUSTRIALS, "335–336 Rolling, drawing and casting of nonferrous metals"),
    (3400, 3499, INDUSTRIALS, "34 Fabricated metal products"),
    (3410, 3419, MATERIALS, "341 Metal cans and shipping containers"),
    (3500, 3569, INDUSTRIALS, "35 Industrial and commercial machinery"),
    (3559, 3559, TECHNOLOGY, "3559 Special industry machinery n.e.c.: semiconductor tools"),
    (3570, 3579, TECHNOLOGY, "357 Computer and office equipment"),
    (3580, 3599, INDUSTRIALS, "358–359 Refrigeration and service machinery"),
    (3600, 3629, INDUSTRIALS, "361–362 Electric transmission, industrial apparatus"),
    (3630, 3639, DISCRETIONARY, "363 Household appliances"),
    (3640, 3649, INDUSTRIALS, "364 Electric lighting and wiring equipment"),
    (3650, 3651, DISCRETIONARY, "3651 Household audio and video equipment"),
    (3652, 3652, COMMUNICATION, "3652 Phonograph records and prerecorded media"),
    (3660, 3679, TECHNOLOGY, "366–367 Communications equipment; electronic components"),
    (3690, 3699, INDUSTRIALS, "369 Miscellaneous electrical machinery and supplies"),
    (3700, 3799, INDUSTRIALS, "37 Transportation equipment"),
    (3710, 3711, DISCRETIONARY, "3711 Motor vehicles and passenger car bodies"),
    (3714, 3714, DISCRETIONARY, "3714 Motor vehicle parts and accessories"),
    (3716, 3716, DISCRETIONARY, "3716 Motor homes"),
    (3750, 3751, DISCRETIONARY, "375 Motorcycles, bicycles and parts"),
    (3790, 3799, DISCRETIONARY, "379 Miscellaneous transportation equipment: leisure vehicles"),
    (3800, 3819, INDUSTRIALS, "381 Search, detection, navigation, guidance systems"),
    (3820, 3829, TECHNOLOGY, "382 Measuring and controlling instruments"),
    (3821, 3821, HEALTH, "3821 Laboratory apparatus and furniture"),
    (3822, 3822, INDUSTRIALS, "3822 Automatic controls for residential environments"),
    (3826, 3826, HEALTH, "3826 Laboratory analytical instruments"),
    (3840, 3859, HEALTH, "384–385 Medical instruments; ophthalmic goods"),
    (3860, 3869, TECHNOLOGY, "386 Photographic equipment and supplies"),
    (3870, 3879, DISCRETIONARY, "387 Watches and clocks"),
    (3900, 3999, DISCRETIONARY, "39 Miscellaneous manufacturing industries"),
    (3990, 3999, INDUSTRIALS, "399 Miscellaneous manufactures: signs, burial caskets"),
    (4000, 4399, INDUSTRIALS, "40–43 Railroads, passenger transit, trucking, postal service"),
    (4400, 4499, INDUSTRIALS, "44 Water transportation"),
    (4400, 4400, DISCRETIONARY, "4400 EDGAR's code of passenger water transportation: cruises"),
    (4480, 4489, DISCRETIONARY, "448 Water transportation of passengers"),
    (4412, 4412, ENERGY, "4412 Deep sea foreign transportation of freight: tankers"),
    (4500, 4599, INDUSTRIALS, "45 Transportation by air"),
    (4600, 4699, ENERGY, "46 Pipelines, except natural gas"),
    (4700, 4729, DISCRETIONARY, "472 Arrangement of passenger transportation: travel agencies"),
    (4730, 4799, INDUSTRIALS, "473–478 Arrangement of freight, services to transportation"),
    (4800, 4899, COMMUNICATION, "48 Communications"),
    (4900, 4999, UTILITIES, "49 Electric, gas and sanitary services"),
    (4922, 4923, ENERGY, "4922–4923 Natural gas transmission, and distribution with it"),
    (4950, 4959, INDUSTRIALS, "495 Sanitary services"),
    (5000, 5099, INDUSTRIALS, "50 Wholesale trade, durable goods"),
    (5010, 5019, DISCRETIONARY, "501 Motor vehicles and automotive parts"),
    (5020, 5029, DISCRETIONARY, "502 Furniture and home furnishings"),
    (5040, 5046, TECHNOLOGY, "504 Commercial equipment: 5045 computers and software"),
    (5047, 5047, HEALTH, "5047 Medical, dental and hospital equipment"),
    (5050, 5059, MATERIALS, "505 Metals and minerals, except petroleum"),
    (5060, 5062, INDUSTRIALS, "506 Electrical goods"),
    (5064, 5064, DISCRETIONARY, "5064 Electrical appliances, television and radio sets"),
    (5065, 5065, TECHNOLOGY, "5065 Electronic parts and equipment n.e.c."),
    (5090, 5099, DISCRETIONARY, "509 Miscellaneous durable goods: sporting goods, toys, jewelry"),
    (5100, 5199, STAPLES, "51 Wholesale trade, nondurable goods"),
    (5110, 5119, INDUSTRIALS, "511 Paper and paper products"),
    (5120, 5129, HEALTH, "512 Drugs, proprietaries and druggists' sundries"),
    (5130, 5139, DISCRETIONARY, "513 Apparel, piece goods and notions"),
    (5160, 5169, MATERIALS, "516 Chemicals and allied products"),
    (5170, 5179, ENERGY, "517 Petroleum and petroleum products"),
    (5200, 5999, DISCRETIONARY, "Division G, Retail trade"),
    (5330, 5339, STAPLES, "533 Variety stores: general merchandise with groceries"),
    (5399, 5399, STAPLES, "5399 Miscellaneous general merchandise stores"),
    (5400, 5499, STAPLES, "54 Food stores"),
    (5910, 5912, STAPLES, "5912 Drug stores and proprietary stores"),
    (5980, 5989, UTILITIES, "598 Fuel dealers"),
    (6000, 6499, FINANCIALS, "60–64 Depository and other credit, brokers, insurance"),
    (6324, 6324, HEALTH, "6324 Hospital and medical service plans"),
    (6500, 6599, REAL_ESTATE, "65 Real estate"),
    (6700, 6799, FINANCIALS, "67 Holding and other investment offices"),
    (6792, 6792, ENERGY, "6792 Oil royalty traders"),
    (6795, 6795, MATERIALS, "6795 Mineral royalty traders"),
    (6794, 6794, TECHNOLOGY, "6794 Patent owners and lessors"),
    (6798, 6798, REAL_ESTATE, "6798 Real estate investment trusts"),
    (7000, 7099, DISCRETIONARY, "70 Hotels, rooming houses, camps"),
    (7200, 7299, DISCRETIONARY, "72 Personal services"),
    (7300, 7369, INDUSTRIALS, "73 Business services"),
    (7310, 7319, COMMUNICATION, "731 Advertising"),
    (7370, 7379, TECHNOLOGY, "737 Computer programming, data processing, software"),
    (7370, 7370, COMMUNICATION, "7370 EDGAR's head code of 737: information services online"),
    (7374, 7374, INDUSTRIALS, "7374 Computer processing and data preparation: payrolls"),
    (7380, 7388, INDUSTRIALS, "738 Miscellaneous business services"),
    (7389, 7389, FINANCIALS, "7389 Business services n.e.c.: payment networks and processing"),
    (7500, 7599, DISCRETIONARY, "75 Automotive repair, services and parking"),
    (7510, 7519, INDUSTRIALS, "751 Automotive rental and leasing"),
    (7600, 7699, INDUSTRIALS, "76 Miscellaneous repair services"),
    (7800, 7899, COMMUNICATION, "78 Motion pictures"),
    (7900, 7999, DISCRETIONARY, "79 Amusement and recreation services"),
    (7900, 7900, COMMUNICATION, "7900 EDGAR's head code of 79: live entertainment"),
    (8000, 8099, HEALTH, "80 Health services"),
    (8100, 8199, INDUSTRIALS, "81 Legal services"),
    (8200, 8399, DISCRETIONARY, "82–83 Educational and social services"),
    (8600, 8799, INDUSTRIALS, "86–87 Engineering, accounting, research, management"),
    (8730, 8739, HEALTH, "873 Research, development and testing services"),
    (8900, 8999, INDUSTRIALS, "89 Services n.e.c."),
)

# Companies whose code names another business than the one they are in, by CIK; the table is
# shown to agree with published sectors without them.
EXCEPTIONS: dict[str, tuple[str, str]] = {
    "0000031462": (MATERIALS, "Ecolab"),
    "0000055785": (STAPLES, "Kimberly-Clark"),
    "0000064040": (FINANCIALS, "S&P Global"),
    "0000064803": (HEALTH, "CVS Health"),
    "0000066740": (INDUSTRIALS, "3M"),
    "0000097745": (HEALTH, "Thermo Fisher Scientific"),
    "0000712515": (COMMUNICATION, "Electronic Arts"),
    "0000749251": (TECHNOLOGY, "Gartner"),
    "0000814547": (TECHNOLOGY, "Fair Isaac"),
    "0000815556": (INDUSTRIALS, "Fastenal"),
    "0000946581": (COMMUNICATION, "Take-Two Interactive"),
    "0001057352": (REAL_ESTATE, "CoStar"),
    "0001059556": (FINANCIALS, "Moody's"),
    "0001065088": (DISCRETIONARY, "eBay"),
    "0001286681": (DISCRETIONARY, "Domino's"),
    "0001467373": (TECHNOLOGY, "Accenture"),
    "0001543151": (INDUSTRIALS, "Uber Technologies"),
    "0001559720": (DISCRETIONARY, "Airbnb"),
    "0001744489": (COMMUNICATION, "Walt Disney"),
}


@cache
def sector_of_sic(code: str | int | None) -> str | None:
    """The sector of an SIC code by the table alone; None where the table says nothing.

    Examples
    --------
    >>> sector_of_sic("6798"), sector_of_sic(7389), sector_of_sic("5331"), sector_of_sic("9999")
    ('Real Estate', 'Financials', 'Consumer Staples', None)
    """
    rule = rule_of_sic(code)
    return None if rule is None else rule[2]


@cache
def rule_of_sic(code: str | int | None) -> tuple[int, int, str, str] | None:
    """The narrowest rule that covers a code, of equally narrow ones the later; None if none does."""
    try:
        number = int(code)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    covering = [rule for rule in reversed(RULES) if rule[0] <= number <= rule[1]]
    return min(covering, key=lambda rule: rule[1] - rule[0], default=None)


def sector_of(sic: str | int | None, cik: str | None = None) -> str | None:
    """The sector of a company: the exception for it, or what its SIC code says.

    Parameters
    ----------
    sic : the code of its industry; None if nobody gave one
    cik : the company's number at the SEC, with or without leading zeros

    Examples
    --------
    >>> sector_of("7389", "1467373"), sector_of("7389"), sector_of(None)
    ('Information Technology', 'Financials', None)
    """
    if cik is not None and (exception := EXCEPTIONS.get(str(cik).zfill(10))):
        return exception[0]
    return sector_of_sic(sic)
