"""All rows, in the table's order: each module enters its own."""

import importlib

MODULES = ("programs", "store", "servers", "followers", "remote", "machine")

for name in MODULES:
    importlib.import_module(f"{__name__}.{name}")
