"""The process that reads for another: ConnectorX keeps an interpreter to itself while it waits for a database.

It takes one request a line from its standard input, and answers on its standard output in frames: a letter, the length
of what follows, and that. First it says that it is ready. A statement's answer is its schema, its batches, and an end
or a failure.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Iterable
from typing import IO, Any

READY, SCHEMA, BATCH, END, FAILURE = b"R", b"S", b"B", b"E", b"F"
HEAD = struct.Struct("<cQ")


def serve() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    # ConnectorX and its panics write there.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (sys.stdout.fileno(), sys.stderr.fileno()):
        os.dup2(nowhere, number)
    import connectorx  # noqa: F401 while the other process is at something else
    import pyarrow  # noqa: F401

    _send(answers, READY, [])
    for line in sys.stdin:
        try:
            _answer(json.loads(line), answers)
        except BrokenPipeError:
            return


def _answer(request: dict[str, Any], answers: IO[bytes]) -> None:
    import connectorx

    try:
        reader: Any = connectorx.read_sql(
            request["url"], request["sql"], return_type="arrow_stream", batch_size=request["batch_rows"]
        )
        _send(answers, SCHEMA, [reader.schema.serialize()])
        for batch in reader:
            _send(answers, BATCH, [batch.serialize()])
    except BrokenPipeError:
        raise
    except BaseException as error:  # noqa: BLE001 a panic in ConnectorX's Rust code is no Exception
        _send(answers, FAILURE, [str(error).strip().encode() or type(error).__name__.encode()])
    else:
        _send(answers, END, [])


def _send(answers: IO[bytes], kind: bytes, parts: Iterable[Any]) -> None:
    buffers = [memoryview(part).cast("B") for part in parts]
    for content in [memoryview(HEAD.pack(kind, sum(len(buffer) for buffer in buffers))), *buffers]:
        sent = 0
        while sent < len(content):
            sent += answers.write(content[sent:]) or 0
