"""The HTTP interface of the original program, version 0.10.1, for its clients: below the base path ``/v0``.

Only here are names in camelCase. Everything is made of the documents of the house.
"""
