"""The SQL that finds attributes. Spans of one library have the same few lists of keys, so names are looked up once a list.

`shapes_sql` gives a row for each distinct list with the places of the attributes in it; `named_columns` reads the values at
these places. So the length of the vocabulary costs next to nothing per span, and a place that no list has costs nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import groupby

from ai_finops.extract import vocabulary
from ai_finops.extract.vocabulary import Alias

FILLED_KEYS = "list_transform(keys, lambda k, place: case when values[place] = '' then null else k end)"
"""The keys with a null for each whose text is empty, so that an empty attribute counts as one that is not there."""


def shapes_sql(spans: str) -> str:
    """Return a query with a row per shape in `spans`: shape, filled_keys, places, what the names tell, and who is unmapped.

    `spans` has lists `keys` and `values`, and `shape`, a hash of the filled keys, so that spans are joined by a number.
    """
    lists = [
        f"list_filter([{', '.join(map(_place, attributes))}], lambda p: p is not null)[1]::integer as {run}"
        for run, attributes in _plain_runs()
    ]
    parted = [f"{_place(attribute)}::integer as {name}" for attribute, name in _parted().items()]
    telling = [f"{_there(attribute)} as {name}" for attribute, name in _telling().items()]
    ranks = " ".join(
        f"when {_there(value)} then {rank}"
        for rank, (test, value, _) in enumerate(vocabulary.dialect_tests())
        if test == "attribute"
    )
    known = ", ".join(text(name) for name in vocabulary.span_attribute_names())
    unmapped = rf"""list_filter(
            list_distinct(list_transform(filled_keys, lambda k: regexp_replace(k, '\.[0-9]+\b', '.N', 'g'))),
            lambda k: not list_contains([{known}], k)
        )"""
    columns = ", ".join([*lists, *parted, *telling, f"case {ranks} end as dialect_rank", f"{unmapped} as unmapped"])
    return f"""select shape, filled_keys, {columns} from (
        select shape, any_value({FILLED_KEYS}) as filled_keys from {spans} group by shape
    )"""  # noqa: S608 - names of our own


def place_columns() -> list[str]:
    """Return the columns of a shape that hold places; null where its list has no such attribute."""
    return [*(run for run, _ in _plain_runs()), *_parted().values()]


def named_columns(missing: Collection[str]) -> str:
    """Return one expression a column, over spans joined with their shape: the first alias with a text that is not empty.

    Args:
        missing: Those of `place_columns` that are null in every shape at hand; nothing is computed for them.
    """
    return ",\n        ".join(
        f"coalesce({', '.join([*_choices(column, missing)] or ['null::varchar'])}) as {column}"
        for column in vocabulary.columns()
    )


def resource_columns(keys: str, values: str) -> str:
    """Return the columns that `named_columns` reads of a resource, over the lists of its keys and of its values."""
    return ", ".join(
        f"nullif({values}[list_position({keys}, {text(attribute)})], '') as {name}"
        for attribute, name in resource_names().items()
    )


def resource_names() -> dict[str, str]:
    """Return the column by resource attribute that is read."""
    names = dict.fromkeys(
        alias.attribute for alias in vocabulary.aliases() if alias.place == "resource" and alias.column
    )
    return {attribute: f"of_resource_{number}" for number, attribute in enumerate(names)}


def telling_columns() -> str:
    """Return the shape's columns that `has` names."""
    return ", ".join(_telling().values())


def has(attribute: str) -> str:
    """Return the shape's column that says whether an attribute that tells a convention is there."""
    return _telling()[attribute]


def dialect() -> str:
    """Return the dialect of a span joined with its shape: of the first test that holds."""
    tests = list(enumerate(vocabulary.dialect_tests()))
    scopes = " ".join(
        f"when scope_name = {text(value)} then {rank}"
        if test == "scope"
        else f"when starts_with(scope_name, {text(value)}) then {rank}"
        for rank, (test, value, _) in tests
        if test != "attribute"
    )
    names = ", ".join(text(name) for _, (_, _, name) in tests)
    # least() leaves nulls out.
    return f"coalesce([{names}][least(dialect_rank, case {scopes} end) + 1], 'other')"


def text(value: str) -> str:
    """Return a string literal."""
    return "'" + value.replace("'", "''") + "'"


def _choices(column: str, missing: Collection[str]) -> Iterator[str]:
    for run, aliases in _runs(column):
        first = aliases[0]
        if first.place == "resource":
            yield from (resource_names()[alias.attribute] for alias in aliases)
        elif first.part:
            places = [(_parted()[alias.attribute], alias.part) for alias in aliases]
            yield from (_part(place, part) for place, part in places if place not in missing)
        elif run not in missing:
            yield f"values[{run}]"


def _runs(column: str) -> Iterator[tuple[str, list[Alias]]]:
    """A column's aliases in order, neighbours of one kind together, each run with its name."""
    kinds = groupby(vocabulary.columns()[column], key=lambda alias: (alias.place, bool(alias.part)))
    for number, (_, aliases) in enumerate(kinds):
        yield f"at_{column}_{number}", list(aliases)


def _plain_runs() -> Iterator[tuple[str, list[str]]]:
    for column in vocabulary.columns():
        for run, aliases in _runs(column):
            if aliases[0].place == "span" and not aliases[0].part:
                yield run, [alias.attribute for alias in aliases]


def _parted() -> dict[str, str]:
    """The shape's column by attribute of which a part is read."""
    names = dict.fromkeys(alias.attribute for alias in vocabulary.aliases() if alias.part and alias.column)
    return {attribute: f"in_part_{number}" for number, attribute in enumerate(names)}


def _telling() -> dict[str, str]:
    """The shape's column by attribute that tells a convention."""
    conventions = (*vocabulary.input_conventions(), *vocabulary.output_conventions())
    names = dict.fromkeys(convention.attribute for convention in conventions if convention.attribute != "*")
    return {attribute: f"has_{number}" for number, attribute in enumerate(names)}


def _there(attribute: str) -> str:
    return f"list_contains(filled_keys, {text(attribute)})"


def _place(attribute: str) -> str:
    return f"list_position(filled_keys, {text(attribute)})"


def _part(place: str, part: str) -> str:
    """A piece of the text at a place, or null; most spans have none, so nothing is parsed for them."""
    value = f"values[{place}]"
    if part.startswith("$"):
        # Some exporters write a dict as Python prints it.
        as_json = f"case when starts_with({value}, '{{''') then replace({value}, '''', '\"') else {value} end"
        piece = f"try(json_extract_string({as_json}, {text(part)}))"
    else:
        piece = f"regexp_extract({value}, {text(part)}, 1)"
    return f"case when {place} is not null then nullif({piece}, '') end"
