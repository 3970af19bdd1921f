"""Spark's physical plans of the statements that an engine runs, and what is wrong with them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from unittest.mock import patch

from rental_analytics.engines.spark import engine as spark_engine
from rental_analytics.engines.spark.session import SparkStepSession
from rental_analytics.sql.spark import view_name

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

BROADCAST_BYTES = 20_000
"""Below are exchange rates, days and the few rows that break a rule; above all that grows with the marketplace."""

_RAW = re.compile(r"/raw/(\w+)/run_id=")
_ONE_ROW = {"HashAggregate", "ObjectHashAggregate", "SortAggregate", "GlobalLimit", "LocalLimit"}
_NESTED = {"CartesianProduct", "BroadcastNestedLoopJoin"}


@dataclass
class Node:
    """An operator of a plan; its text begins with its name."""

    text: str
    children: list[Node] = field(default_factory=list)

    @property
    def name(self) -> str:
        return re.split(r"[ (]", self.text, maxsplit=1)[0]

    @property
    def is_shuffle(self) -> bool:
        return self.name == "Exchange" and "SinglePartition" not in self.text

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            yield from child.walk()

    def drawn(self, depth: int = 0) -> str:
        """The tree of operators, cut short."""
        lines = [f"{'  ' * depth}{self.text[:150]}", *(child.drawn(depth + 1) for child in self.children)]
        return "\n".join(lines)

    @property
    def scans(self) -> list[Node]:
        """Where rows come from, what is broadcast left out."""
        if self.name == "BroadcastExchange":
            return []
        if self.name == "FileScan":
            return [self]
        return [scan for child in self.children for scan in child.scans]

    @property
    def shuffles(self) -> list[Node]:
        """What moves rows between machines by a key, what is broadcast left out."""
        if self.name == "BroadcastExchange":
            return []
        own = [self] if self.is_shuffle else []
        return own + [node for child in self.children for node in child.shuffles]

    @property
    def adds_one_row(self) -> bool:
        """Whether a join has a side that is an aggregate of all its rows, so of one row."""
        return any(
            child.name == "BroadcastExchange" and child.children[0].text.startswith(_OF_ALL_ROWS)
            for child in self.children
        )

    @property
    def most_shuffles(self) -> int:
        """How often a row is shuffled on its way to the top at most."""
        if self.name == "BroadcastExchange":
            return 0
        return self.is_shuffle + max((child.most_shuffles for child in self.children), default=0)

    @property
    def sources(self) -> set[str]:
        """Source tables whose rows are read."""
        return {name for node in self.walk() for name in _RAW.findall(node.text)}


_OF_ALL_ROWS = ("HashAggregate(keys=[],", "SortAggregate(key=[],")
"""How aggregates without keys begin; of texts they sort."""


@dataclass(frozen=True)
class Statement:
    """A statement in Spark's words, with its plan."""

    sql: str
    plan: Node

    def problems(self, row_wise: set[str]) -> list[str]:
        """What would make it slow on large tables; rows of `row_wise` sources need not meet others."""
        top, found = self.plan, []
        for node in top.walk():
            if node.name in _NESTED and node.sources and not node.adds_one_row:
                found.append(f"{node.name} of source rows")
            if node.name == "BroadcastExchange" and any("/raw/" in scan.text for scan in _scans_of(node)):
                found.append("rows of a source table are broadcast")
            if "SinglePartition" not in node.text or node.name != "Exchange":
                found += [
                    f"all rows come together in one task below {node.name}"
                    for child in node.children
                    if child.name == "Exchange"
                    and "SinglePartition" in child.text
                    and node.name not in _ONE_ROW
                    and child.sources
                ]
        if top.most_shuffles > 1:
            found.append(f"a row is shuffled {top.most_shuffles} times")
        if len(top.shuffles) > len(top.scans):
            found.append(f"{len(top.shuffles)} shuffles of {len(top.scans)} scans")
        if top.sources and top.sources <= row_wise and top.shuffles:
            found.append(f"{len(top.shuffles)} shuffles, though each row stands for itself")
        return found


def plan_of(frame: DataFrame) -> Node:
    """The plan that Spark begins with, before it knows how many rows there are."""
    with redirect_stdout(io.StringIO()) as output:
        frame.explain(mode="simple")
    top = Node("Plan")
    levels = [(-1, top)]
    for line in output.getvalue().splitlines():
        text = line.lstrip(" :+-")
        if not text or text.startswith("=="):
            continue
        depth = len(line) - len(text)
        while levels[-1][0] >= depth:
            levels.pop()
        node = Node(re.sub(r"^\*\(\d+\) ", "", text))
        levels[-1][1].children.append(node)
        levels.append((depth, node))
    return top


@contextmanager
def recorded() -> Iterator[list[Statement]]:
    """The statements that engines run meanwhile, as Spark plans them where tables are too large to be broadcast.

    A view is none: its plan is part of the statements that read it.
    """
    statements: list[Statement] = []
    frame_of = SparkStepSession.frame

    def view(session: SparkStepSession, name: str, sql: str) -> None:
        frame_of(session, sql).createOrReplaceTempView(view_name(name))

    def frame(session: SparkStepSession, sql: str) -> DataFrame:
        made = frame_of(session, sql)
        statements.append(Statement(sql, plan_of(made)))
        return made

    settings = {
        "spark.sql.autoBroadcastJoinThreshold": str(BROADCAST_BYTES),
        "spark.sql.maxMetadataStringLength": "1000",
        "spark.sql.shuffle.partitions": "8",
    }
    with (
        patch.object(SparkStepSession, "frame", frame),
        patch.object(SparkStepSession, "view", view),
        patch.dict(spark_engine._STATEMENTS, settings),
    ):
        yield statements


def _scans_of(node: Node) -> list[Node]:
    return [found for found in node.walk() if found.name == "FileScan"]
