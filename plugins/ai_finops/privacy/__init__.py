"""People in the data: ids of users become pseudonyms before anything is written, and can be forgotten.

`user_keys` keeps a random key for each user, `users` turns ids into pseudonyms with it while a source is landed, `forgotten_rows`
says what is left of a row whose user is forgotten, `forgetting` does so everywhere, `pseudonymising` mends a lake of an earlier
release, and `retention` says how long what is kept. Why: docs/decisions/0031-users-are-pseudonyms.md
"""
