"""The deployment's own prices, and how they win over the catalog's.

An overlay row replaces every catalog price of its provider, model, token class and processing, in its region scope (`any`:
in each) and on its days, long-context thresholds included. On other days the catalog's price stays.
"""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path

from ai_finops.days import parse_day
from ai_finops.errors import SettingsError
from ai_finops.pricing.price_table import FOREVER, PRICE_UNITS, REGION_SCOPES, Price, to_price

OVERLAY = "overlay"
SMALLEST_USD = Decimal("0.000001")
"""Lowest price of a million tokens at which one token still costs 1e-12 USD, the last digit that a call's cost has."""
COLUMNS = (
    "provider_name",
    "model_id",
    "token_class",
    "region_scope",
    "processing",
    "threshold_tokens",
    "price_usd_per_unit",
    "price_unit",
    "valid_from",
    "valid_to",
    "source",
    "checked_on",
)


def read_overlay(path: Path) -> list[Price]:
    """Read the overlay file; its version is the hash of its content.

    Raises:
        SettingsError: The file is missing, or a line says something that is no price, or two lines hold on the same day.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"price overlay {path} cannot be read ({error.strerror}); it may hold no price, but must exist"
        ) from error
    rows = csv.DictReader(content.decode().splitlines())
    if tuple(rows.fieldnames or ()) != COLUMNS:
        raise SettingsError(f"price overlay {path}: the first line must be {','.join(COLUMNS)}")
    version = hashlib.sha256(content).hexdigest()[:12]
    prices = [_price(row, where=f"price overlay {path} line {rows.line_num}", version=version) for row in rows]
    _refuse_overlap(prices, path)
    return prices


def lay_over(catalog: Iterable[Price], overlay: Iterable[Price]) -> list[Price]:
    """Return the overlay and what it leaves of the catalog."""
    overlay = list(overlay)
    replacing: dict[tuple, list[Price]] = defaultdict(list)
    for price in overlay:
        replacing[price.scope_key].append(price)
    kept = (part for price in catalog for part in _outside(price, replacing.get(price.scope_key, [])))
    return [*kept, *overlay]


def _outside(price: Price, winners: list[Price]) -> Iterator[Price]:
    """Yield the parts of `price` on days that none of `winners` covers."""
    parts = [price]
    for winner in winners:
        if winner.region_scope in ("any", price.region_scope):
            parts = [rest for part in parts for rest in _cut(part, winner)]
    yield from parts


def _cut(price: Price, winner: Price) -> Iterator[Price]:
    before = _earlier(price.valid_to, winner.valid_from)
    if before is not None and price.valid_from < before:
        yield replace(price, valid_to=before)
    if winner.valid_to is not None and (price.valid_to is None or winner.valid_to < price.valid_to):
        yield replace(price, valid_from=max(price.valid_from, winner.valid_to))


def _earlier(end: date | None, other_end: date | None) -> date | None:
    return min((day for day in (end, other_end) if day is not None), default=None)


def _price(row: dict[str, str], *, where: str, version: str) -> Price:
    token_class, price_unit, region_scope = row["token_class"], row["price_unit"], row["region_scope"]
    if token_class not in PRICE_UNITS:
        raise SettingsError(f"{where}: token_class {token_class!r} is not one of {', '.join(PRICE_UNITS)}")
    if price_unit != PRICE_UNITS[token_class]:
        raise SettingsError(
            f"{where}: the price_unit of {token_class} is {PRICE_UNITS[token_class]!r}, not {price_unit!r}"
        )
    if region_scope not in REGION_SCOPES:
        raise SettingsError(f"{where}: region_scope {region_scope!r} is not one of {', '.join(REGION_SCOPES)}")
    if not row["source"] or not row["checked_on"]:
        raise SettingsError(f"{where}: a price needs its source and the day it was checked_on")
    parse_day(row["checked_on"], what=f"{where}: checked_on")
    return Price(
        provider_name=row["provider_name"],
        model_id=row["model_id"],
        token_class=token_class,
        region_scope=region_scope,
        processing=row["processing"],
        threshold_tokens=int(_number(row["threshold_tokens"], what=f"{where}: threshold_tokens")),
        valid_from=parse_day(row["valid_from"], what=f"{where}: valid_from") if row["valid_from"] else FOREVER,
        valid_to=parse_day(row["valid_to"], what=f"{where}: valid_to") if row["valid_to"] else None,
        price_unit=price_unit,
        price_usd_per_unit=_usd(row["price_usd_per_unit"], what=f"{where}: price_usd_per_unit"),
        is_inherited=False,
        catalog=OVERLAY,
        catalog_version=version,
    )


def _number(text: str, *, what: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise SettingsError(f"{what} {text!r} is not a number") from error
    if not number.is_finite() or number < 0:
        raise SettingsError(f"{what} {text!r} is not a number from 0 up")
    return number


def _usd(text: str, *, what: str) -> Decimal:
    number = _number(text, what=what)
    if not number:
        raise SettingsError(
            f"{what} is 0, and usage never costs nothing; leave the row out, and the usage is listed as unpriced"
        )
    if number < SMALLEST_USD:
        raise SettingsError(f"{what} {text!r} is below {SMALLEST_USD}: a single token of it would cost nothing")
    if number != to_price(number):
        raise SettingsError(f"{what} {text!r} has more than 12 decimals, which is what the price table keeps; round it")
    return number


def _refuse_overlap(prices: list[Price], path: Path) -> None:
    groups: dict[tuple, list[Price]] = defaultdict(list)
    for price in prices:
        groups[(*price.scope_key, price.region_scope, price.threshold_tokens)].append(price)
    for group in groups.values():
        group.sort(key=lambda price: price.valid_from)
        for earlier, later in pairwise(group):
            if earlier.valid_to is None or earlier.valid_to > later.valid_from:
                raise SettingsError(
                    f"price overlay {path}: two prices of {later.model_id} {later.token_class} hold on {later.valid_from}"
                )
