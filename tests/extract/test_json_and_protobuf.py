"""Whatever a request holds, JSON and protobuf give the same rows.

A list or a map where a plain value is expected is left out: it is kept as its JSON text, which may be spelled in several ways.
"""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai_finops.extract import vocabulary
from tests.extract.loading import load
from tests.extract.made import NOON, json_bytes, nanoseconds, protobuf_bytes, request, span

# Neither form can carry half of a surrogate pair; a zero byte ends a text in no reader here, and no exporter writes one.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
SCALARS = st.one_of(
    TEXTS,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 100_000),
    st.sampled_from([0.5, 0.1, 1e-05, 2.5e17, -3.25]),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=5
)
READ = sorted({alias.attribute for alias in vocabulary.aliases() if alias.column and alias.place == "span"})
PLAIN = st.dictionaries(st.sampled_from(READ), SCALARS, max_size=6)
OTHERS = st.dictionaries(TEXTS.filter(lambda name: name not in READ), VALUES, max_size=3)
SPANS = st.builds(
    lambda plain, name, kind, status, parent, seconds: {
        "plain": plain,
        "name": name,
        "kind": kind,
        "status": {"code": status},
        "parentSpanId": parent,
        "endTimeUnixNano": nanoseconds(NOON.replace(second=seconds)),
    },
    plain=st.builds(lambda plain, others: plain | others, PLAIN, OTHERS),
    name=TEXTS,
    kind=st.integers(0, 5),
    status=st.integers(0, 2),
    parent=st.sampled_from(["", "00f067aa0ba902b7"]),
    seconds=st.integers(0, 59),
)


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    spans=st.lists(SPANS, min_size=1, max_size=4),
    resource=st.dictionaries(st.sampled_from(["service.name", "cloud.region", "other"]), SCALARS),
    scope=TEXTS,
)
def test_json_and_protobuf_give_the_same_rows(spans, resource, scope):
    made = [span(number, **each) for number, each in enumerate(spans, start=1)]
    whole = request(*made, scope=scope, resource=resource)
    with tempfile.TemporaryDirectory() as folder:
        as_json = load(Path(folder), json_bytes(whole))
        as_protobuf = load(Path(folder), ("protobuf", protobuf_bytes(whole)))
    assert as_protobuf.spans == as_json.spans
    assert as_protobuf.quarantine == as_json.quarantine
    assert as_protobuf.unmapped == as_json.unmapped
