"""The gate before publishing: Great Expectations on the candidate marts, Data Docs of what was found.

Within one row, a dbt contract or test decides; across rows, marts, days and the lake, an expectation here does.
"""

from ai_finops.quality.run import audit

__all__ = ["audit"]
