"""The emulator's process: MiniStack with what this package adds to it."""

import os

from ministack import app

from servers.aws import (
    control,
    database,
    encryption,
    events,
    glue_jobs,
    handlers,
    machine,
    metrics,
    namespaces,
    redshift,
    rights,
    stacks,
)

# What the processes of functions and jobs are given is said where they are started, and not taken from here.
os.environ.pop("PYTHONPATH", None)
for part in (rights, glue_jobs, machine, events, encryption, redshift, metrics, namespaces, database, handlers, stacks):
    part.install()
app.app = control.wrapped(app.app)
try:
    app.main()
finally:
    for end in control.on_reset:
        end()
