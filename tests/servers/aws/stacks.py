"""MiniStack's work on stacks: none is lost on the way, and none goes on when everything is forgotten."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from ministack.services.cloudformation import changesets, handlers, stacks

from servers.aws.control import on_reset

_PATIENCE = 10.0
_tasks: set[asyncio.Task[None]] = set()
"""Kept here: the event loop itself keeps no task from being collected as garbage."""


def install() -> None:
    """Take the place of the function by which MiniStack begins such work."""
    for module in (stacks, handlers, changesets):
        module._create_stack_task_in_region = _begin
    on_reset.append(_end_all)


def _begin(work: Coroutine[Any, Any, None], stack: dict[str, Any] | None, stack_id: str | None = None) -> None:
    with stacks._stack_region_context(stack, stack_id):
        task = asyncio.get_event_loop().create_task(work)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


def _end_all() -> None:
    """Called in another thread than the loop's.

    A later stack is not changed by the work on an earlier one of its name.
    """
    running = [task for task in _tasks if task.get_loop().is_running()]
    for task in running:
        task.get_loop().call_soon_threadsafe(task.cancel)
    deadline = time.monotonic() + _PATIENCE
    while not all(task.done() for task in running) and time.monotonic() < deadline:
        time.sleep(0.01)
