"""The SQL that puts a span's token counts into five classes that do not overlap, whatever its dialect's counts include.

uncached input · cache read · cache write for 5 minutes · cache write for an hour · output, of which reasoning is a part.
`input_conventions.csv` and `output_conventions.csv` say what a dialect's counts include, with the evidence.
"""

from __future__ import annotations

from ai_finops.extract import span_attributes, vocabulary
from ai_finops.extract.span_attributes import text
from ai_finops.extract.vocabulary import Convention

ABSURD_TOKENS = 100_000_000
"""More than any model takes in one call, by far."""
SAID_COUNTS = [name for name in vocabulary.columns() if name.startswith("said_") and name.endswith("_tokens")]
_FIGURES = [name[5:] for name in SAID_COUNTS if name != "said_total_tokens"]
_USAGE = [name for name in _FIGURES if name != "reasoning_tokens"]
_CACHED = ("cache_read_input_tokens", "cache_write_5m_input_tokens", "cache_write_1h_input_tokens")
_NOT_SAID = ("nan", "null", "none", "undefined")
"""What exporters write for a count that they were not given, in lower case."""

LAKE_COLUMNS = {
    **{name: f"case when is_used then {name} end" for name in _CACHED},
    "output_tokens": "output_tokens_counted",
    "reasoning_output_tokens": "reasoning_tokens",
    "usage_figure_count": "usage_figure_count",
    # What pricing needs: a span that says only a part of it is a gap, not a small number. A rerank is billed by the request,
    # so one that returned documents has said enough.
    "has_usage": """coalesce(case
        when operation_name = 'rerank' then search_unit_count is not null or len(output_documents) > 0
        else uncached_input_tokens is not null and output_tokens_counted is not null
    end, false)""",
}


def counts_sql() -> str:
    """Return the counts as numbers, one column for each `said_…_tokens`, and the search units of a rerank."""
    counts = [f"{_count(name)} as {name[5:]}" for name in SAID_COUNTS]
    return ",\n        ".join([*counts, f"{_count('said_search_units')} as search_unit_count"])


def classes_sql() -> str:
    """Return the cached classes, and how input and output are to be read."""
    return f"""{_first_fitting(vocabulary.input_conventions())} as input_convention,
        {_first_fitting(vocabulary.output_conventions())} as output_convention,
        coalesce(cache_read_tokens, 0) as cache_read_input_tokens,
        coalesce(cache_write_1h_tokens, 0) as cache_write_1h_input_tokens,
        coalesce(cache_write_tokens, coalesce(cache_write_5m_tokens, 0) + coalesce(cache_write_1h_tokens, 0))
            - coalesce(cache_write_1h_tokens, 0) as cache_write_5m_input_tokens,
        cache_read_input_tokens + cache_write_5m_input_tokens + cache_write_1h_input_tokens as cached_tokens,
        coalesce(reasoning_tokens, 0) as thought_tokens,
        -- What the span's own total is the sum of.
        case total_tokens
            when input_tokens + output_tokens then 'includes both'
            when input_tokens + output_tokens + cached_tokens + thought_tokens then 'excludes both'
            when input_tokens + output_tokens + cached_tokens then 'excludes cached'
            when input_tokens + output_tokens + thought_tokens then 'excludes reasoning'
        end as told_by_total,
        coalesce({", ".join(_USAGE)}) is not null as is_used,
        {" + ".join(f"({name} is not null)::integer" for name in (*_FIGURES, "search_unit_count"))} as usage_figure_count"""


def totals_sql() -> str:
    """Return input without cached tokens and output with reasoning."""
    is_frame = "operation_name in ('invoke_agent', 'invoke_workflow')"
    return f"""case
            when uncached_tokens is not null then uncached_tokens
            when {_excludes("input_convention", word="cached", part="cached_tokens", whole="input_tokens")} then input_tokens
            -- A parent that sums up its children names no provider, so nobody can say what its sum includes.
            when {is_frame} and input_tokens < cached_tokens then null
            else input_tokens - cached_tokens
        end as uncached_input_tokens,
        case
            when {_excludes("output_convention", word="reasoning", part="thought_tokens", whole="output_tokens")}
                then output_tokens + thought_tokens
            when operation_name = 'embeddings' and coalesce(uncached_tokens, input_tokens) is not null
                then coalesce(output_tokens, 0)
            else output_tokens
        end as output_tokens_counted"""


def reasons_sql() -> str:
    """Return the cases of counts that cannot be."""
    counts = ", ".join([*(name[5:] for name in SAID_COUNTS), "search_unit_count"])
    not_numbers = " or ".join(
        f"({said} is not null and {said[5:]} is null and lower({said}) not in ({', '.join(map(text, _NOT_SAID))}))"
        for said in SAID_COUNTS
    )
    return f"""when {not_numbers} then 'a token count is not a number'
        when least({counts}) < 0 then 'a token count is negative'
        when greatest({counts}) > {ABSURD_TOKENS} then 'a token count is above {ABSURD_TOKENS}'
        when cache_write_5m_input_tokens < 0 then 'more 1-hour cache writes than cache writes'
        when uncached_input_tokens < 0 then 'more cached input tokens than input tokens'"""


def _count(column: str) -> str:
    """A count, or null; what is wrong anyway is cut to one beyond the limits, so that no sum can overflow."""
    huge = f"try_cast({column} as hugeint)"
    beyond = f"case when {huge} < 0 then -1 when {huge} > 0 then {ABSURD_TOKENS + 1} end"
    return f"coalesce(try_cast({column} as integer)::bigint, case when {column} is not null then {beyond} end)"


def _first_fitting(conventions: tuple[Convention, ...]) -> str:
    cases = []
    for convention in conventions:
        tests = []
        if convention.dialect != "*":
            tests.append(f"dialect = {text(convention.dialect)}")
        if convention.provider != "*":
            tests.append(f"said_provider = {text(convention.provider)}")
        if convention.attribute != "*":
            tests.append(span_attributes.has(convention.attribute))
        cases.append(f"when {' and '.join(tests) or 'true'} then {text(convention.name)}")
    return f"case {' '.join(cases)} end"


def _excludes(column: str, *, word: str, part: str, whole: str) -> str:
    """Whether a count leaves out a part of it, by the convention that fits the span."""
    return f"""coalesce(case {column}
                when 'excludes' then true
                when 'by_total' then told_by_total in ('excludes both', 'excludes {word}')
                when 'by_total_else_excludes' then coalesce(told_by_total in ('excludes both', 'excludes {word}'), true)
                when 'by_size' then {part} > {whole}
            end, false)"""
