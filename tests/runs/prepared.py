"""Imported by the process that others are forked from: what each of them needs is there already."""

import gc
from pathlib import Path

import rental_analytics
from plugins.work_done_once import share_work
from rental_analytics.contracts.loader import load_contracts
from rental_analytics.pipeline import STEPS
from rental_analytics.sql.render import compiled

share_work()
load_contracts()
for _step in STEPS:
    _step.work()
_root = Path(rental_analytics.__file__).parent
for _file in _root.rglob("*.sql.j2"):
    compiled(str(_file.relative_to(_root)).removesuffix(".sql.j2"))
# A forked process would look through all of that, and so copy it, at each of its collections.
gc.collect()
gc.freeze()
