"""Tables: what the catalogue shows of them, how they grow, who may use them."""

from __future__ import annotations

from rental_analytics.contracts.manifest import FileColumn
from rental_analytics.doctor.redshift.claim import claim, need
from rental_analytics.doctor.redshift.sandbox import Sandbox
from rental_analytics.doctor.results import SkippedError
from rental_analytics.sql.render import literal, render
from rental_analytics.warehouses.base import TableDetails
from rental_analytics.warehouses.redshift.tables import CATALOGUE, Growth, TableShape, growth, read_catalogue


@claim
def varchar_counts_bytes(sandbox: Sandbox) -> str:
    table = sandbox.table("name VARCHAR(5)")
    sandbox.api.run([f"INSERT INTO {table} (name) VALUES ('éé')"])
    return sandbox.refusal(f"INSERT INTO {table} (name) VALUES ('ééé')").message


@claim
def catalogue_is_visible(sandbox: Sandbox) -> str:
    table = sandbox.table("id INTEGER", "name VARCHAR(77)", "price DECIMAL(12,2)", key="id")
    sandbox.api.run([f"COMMENT ON COLUMN {table}.name IS 'told'"])
    found = read_catalogue(*sandbox.api.queries([render(template) for template in CATALOGUE]))
    columns = found.tables.get(table, {})
    seen = [(name, column.sql_type, column.required) for name, column in columns.items()]
    wanted = [("id", "INTEGER", True), ("name", "VARCHAR(77)", False), ("price", "DECIMAL(12,2)", False)]
    return need(seen == wanted and found.comments.get(f"{table}.name") == "told", str(seen))


@claim
def declared_keys_are_visible(sandbox: Sandbox) -> str:
    """A key that was read wrongly would refuse a table that is right."""
    columns = tuple(FileColumn(name=name, type="BIGINT") for name in ("id", "part", "seen"))
    shapes = [
        TableShape(sandbox.new_name(), columns, key, TableDetails(required=key))
        for key in (("part", "id"), ("seen",), ())
    ]
    sandbox.api.run([shape.create() for shape in shapes])
    found = read_catalogue(*sandbox.api.queries([render(template) for template in CATALOGUE]))
    seen = [found.keys.get(shape.relation, ()) for shape in shapes]
    grown = [growth(shape, found.tables[shape.relation], key=key) for shape, key in zip(shapes, seen, strict=True)]
    return need(seen == [shape.key for shape in shapes] and set(grown) == {Growth()}, str(seen))


@claim
def texts_grow_outside_a_transaction(sandbox: Sandbox) -> str:
    table = sandbox.table("name VARCHAR(5)", rows="('a')")
    sandbox.api.run([f"ALTER TABLE {table} ALTER COLUMN name TYPE VARCHAR(50)"])
    sandbox.api.run([f"INSERT INTO {table} (name) VALUES ({literal('x' * 50)})"])
    grown = f"ALTER TABLE {table} ALTER COLUMN name TYPE VARCHAR(60)"
    return sandbox.refusal("SELECT 1", grown).message


@claim
def default_privileges(sandbox: Sandbox) -> str:  # noqa: ARG001 the signature of a check
    raise SkippedError("it takes two users", "run what `rental grants` prints, then a step with each role")
