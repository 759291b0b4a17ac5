"""What finance pulls each month: feature costs and the FOCUS export as CSV and a workbook, tied to the invoice.

`month_state` says whether a month is final, `tables` reads its rows, `reconciliation` ties them to the bill, `workbook` lays
them out, `file_sets` keeps provisional sets and final versions apart, `export` writes what is due, `to_s3` puts it on S3, and
`verify` finds what was changed since.
"""

from ai_finops.finance.export import Exported, export, finance_folder
from ai_finops.finance.verify import verify

__all__ = ["Exported", "export", "finance_folder", "verify"]
