"""Which column goes back where, decided before anything is written."""

from collections.abc import Callable, Mapping

from ...errors import UserError
from ..plan import DERIVED, NOT_COPIED, ColumnPlan, Plan, TablePlan, column_plan
from ..source import quoted
from ..target import TargetTable
from .schema import FileSchema


def make_reverse_plan(
    tables: Mapping[str, TargetTable],
    rows: Mapping[str, int],
    schema: FileSchema,
    has_data: Callable[[str, str], bool],
) -> Plan:
    """Pair PostgreSQL's tables with the new file's.

    Args:
        tables: PostgreSQL's.
        rows: how many rows each of them has.
        schema: the new file's.
        has_data: whether any row of a table (first argument) has a value in a column (second).

    Raises:
        UserError: exit code 1; data would have no place, or a column no value. Names every such column.
    """
    differences: list[str] = []
    refused: list[str] = []
    plans: list[TablePlan] = []
    for name in sorted((tables.keys() | schema.columns.keys()) - NOT_COPIED):
        if name not in schema.columns:
            differences.append(f"table {name}: no table of the server in SQLite, left out with {rows[name]} rows")
        elif name not in tables:
            differences.append(f"table {name}: only in the new file, empty")
        else:
            plans.append(_table(tables[name], schema.columns[name], rows[name], has_data, differences, refused))
    if refused:
        raise UserError(
            "PostgreSQL's content does not fit into the new file's schema, nothing was written:\n"
            + "\n".join(f"  {reason}" for reason in refused)
            + "\nGive as --like a jellyfin.db that a server of the same version made."
        )
    return Plan(tuple(plans), tuple(differences))


def _table(
    table: TargetTable,
    available: Mapping[str, bool],
    rows: int,
    has_data: Callable[[str, str], bool],
    differences: list[str],
    refused: list[str],
) -> TablePlan:
    columns: list[ColumnPlan] = []
    for column in table.columns.values():
        place = f"column {table.name}.{column.name}"
        pair = column_plan(column, quoted(column.name))
        if column.name not in available:
            lost = (table.name, column.name) not in DERIVED and has_data(table.name, column.name)
            (refused if lost else differences).append(f"{place}: only in PostgreSQL{', and it has data' * lost}")
        elif pair is None:
            refused.append(f"{place}: no rule for its type {column.type}")
        else:
            columns.append(pair)
    for name, optional in available.items():
        if name not in table.columns:
            note = f"column {table.name}.{name}: only in the new file"
            refused.append(f"{note}, which wants a value") if rows and not optional else differences.append(note)
    return TablePlan(table.name, tuple(columns), table.key, rows)
