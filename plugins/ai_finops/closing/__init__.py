"""Closed periods: when a month of a provider and account is final, what it was then, and that it stays so.

`closing_rule` says which months close, `closed_ledger` which are closed, `frozen_rows` keeps what they were. A build reads all
three (`build/inputs.py`); dbt shows the frozen rows in the place of new ones and puts what came later into the open month; and
publishing a build closes what it found to be final (`closing.closing`).
"""
