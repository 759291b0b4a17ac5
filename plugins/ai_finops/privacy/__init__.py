"""People in the data: ids of users become pseudonyms before anything is written, and can be forgotten.

`user_keys` keeps a random key for each user, `users` turns ids into pseudonyms with it while a source is landed,
`forgotten_rows` says what is left of a row whose user is forgotten, `forgetting` does so everywhere (`landed_people` in the
lake), `sweep` looks for what is left, and `retention` lets go of what was kept long enough. Why:
docs/decisions/0031-users-are-pseudonyms.md
"""
