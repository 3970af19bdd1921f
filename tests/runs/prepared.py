"""Imported by the process that others are forked from: what each of them needs is there already."""

from plugins.work_done_once import share_work
from rental_analytics import wiring

share_work()
wiring.load_contracts()
