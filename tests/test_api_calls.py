"""Calls of APIs by what they are charged by."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from ai_finops.api_calls import ApiCalls, ApiTally

GET, LIST = ("s3", "GetObject", "us-east-1"), ("s3", "ListObjectsV2", "us-east-1")


def test_calls_come_by_kind_in_order():
    tally = ApiTally()
    for kind in (LIST, GET, ("openai", "GET", None), GET):
        tally.add(kind, calls=1)
    assert tally.calls() == (
        ApiCalls("openai", "GET", None, 1),
        ApiCalls(*GET, 2),
        ApiCalls(*LIST, 1),
    )
    assert tally.count == 4


def test_what_was_meant_and_never_sent_is_no_call():
    tally = ApiTally()
    tally.add(("cloudwatch", "GetMetricData", "us-east-1"), items=500)
    assert (tally.count, tally.calls()) == (0, ())


def test_threads_lose_no_call():
    tally = ApiTally()
    with ThreadPoolExecutor(8) as pool:
        for _ in range(2000):
            pool.submit(tally.add, GET, calls=1)
    assert tally.calls() == (ApiCalls(*GET, 2000),)
