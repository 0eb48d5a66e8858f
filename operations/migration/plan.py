"""Which column goes where, decided from both schemas before anything is touched."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from ..errors import UserError
from .convert import Converter, Tally, converter
from .quick import Plain, in_binary, plain
from .referring import Referring
from .source import HISTORY_TABLE, quoted
from .target import TargetColumn, TargetTable

# EF Core's own tables: the target keeps its own.
NOT_COPIED = frozenset({HISTORY_TABLE, "__EFMigrationsLock"})
# Verification walks both sides in the order of the key, which it knows to do for these.
KEY_TYPES = frozenset({"uuid", "smallint", "integer", "bigint", "text"})


def upper_invariant(text: str) -> str:
    """Upper case as .NET's `ToUpperInvariant`: one character stays one character, dotless i stays itself."""
    return "".join(upper if len(upper := letter.upper()) == 1 and letter != "ı" else letter for letter in text)


@dataclass(frozen=True)
class Derivation:
    """A column that a server computes from another of the same row.

    Args:
        origin: the other column.
        function: what computes it, under the name that SQLite's SQL calls it by.
    """

    origin: str
    name: str
    function: Callable[[str], str]

    @property
    def expression(self) -> str:
        """The column, in SQLite's SQL: as bytes, since SQLite calls no function with text that is no UTF-8."""
        return f"CAST({self.name}(CAST({quoted(self.origin)} AS BLOB)) AS TEXT)"

    def of_bytes(self, content: bytes | None) -> bytes | None:
        """What `expression` calls."""
        if content is None:
            return None
        return self.function(content.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


DERIVED: Mapping[tuple[str, str], Derivation] = {
    ("Users", "NormalizedUsername"): Derivation("Username", "upper_invariant", upper_invariant)
}


@dataclass(frozen=True)
class ColumnPlan:
    """One column to fill.

    Args:
        target: the column of PostgreSQL.
        origin: what it is filled with, in SQLite's SQL: a column, or a function of one.
        convert: the careful way.
    """

    target: TargetColumn
    origin: str
    convert: Converter


@dataclass(frozen=True)
class TablePlan:
    """One table to fill."""

    name: str
    columns: tuple[ColumnPlan, ...]
    key: tuple[TargetColumn, ...]
    rows: int

    @property
    def binary(self) -> bool:
        """Whether the quick way is in PostgreSQL's binary format."""
        return in_binary([column.target.type for column in self.columns])

    @property
    def plain(self) -> tuple[Plain, ...]:
        """The quick way, by column."""
        found = (plain(column.target.type, binary=self.binary) for column in self.columns)
        return tuple(form for form in found if form is not None)


@dataclass(frozen=True)
class Plan:
    """All tables to fill and what only one side has, in words."""

    tables: tuple[TablePlan, ...]
    differences: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Rows of the source in all tables."""
        return sum(table.rows for table in self.tables)


@dataclass(frozen=True)
class SourceSchema:
    """What a plan needs to know of the source.

    Args:
        tables: names of the columns, by table.
        rows: how many rows each table has.
        has_data: whether any row of a table (first argument) has a value in a column (second).
        views: names of what looks like a table and is none.
    """

    tables: Mapping[str, tuple[str, ...]]
    rows: Mapping[str, int]
    has_data: Callable[[str, str], bool]
    views: Collection[str] = ()


def make_plan(
    source: SourceSchema,
    target: Mapping[str, TargetTable],
    tally: Tally,
    *,
    referring: Mapping[str, Referring] | None = None,
    repair: bool = False,
) -> Plan:
    """Pair the tables and columns of both sides.

    Args:
        source: what there is.
        target: what can be filled.
        tally: counts what the careful way changes.
        referring: tables that only the target has and that refer to others.
        repair: whether text that is too long is cut.

    Raises:
        UserError: exit code 1; data would have no place, or a column no value. Names every such table and column.
    """
    differences: list[str] = []
    refused: list[str] = []
    plans: list[TablePlan] = []
    for name in sorted((source.tables.keys() | target.keys()) - NOT_COPIED):
        if name not in target:
            note = f"table {name}: only in the source, {source.rows[name]} rows"
            (refused if source.rows[name] else differences).append(note)
        elif name in source.views:
            refused.append(f"table {name}: a view in the source, whose rows are elsewhere")
        elif name not in source.tables:
            emptied = (referring or {}).get(name)
            differences.append(f"table {name}: only in the target, {emptied.fate if emptied else 'left as it is'}")
        else:
            plans.append(_table_plan(source, target[name], tally, repair, differences, refused))
    if refused:
        raise UserError(
            "the source does not fit into the target's schema, nothing was changed:\n"
            + "\n".join(f"  {reason}" for reason in refused)
            + "\nUse a server image of the source's version for the target."
        )
    return Plan(tuple(plans), tuple(differences))


def column_plan(
    column: TargetColumn, origin: str, tally: Tally | None = None, *, cut: bool = False
) -> ColumnPlan | None:
    """How a column is filled, or None when there is no rule for its type.

    Args:
        column: of PostgreSQL.
        origin: of SQLite, in its SQL.
        tally: counts what the careful way changes.
        cut: whether text that is too long is cut.
    """
    convert = converter(column.type, nullable=column.nullable, tally=tally or Tally(), cut=cut)
    return None if convert is None or plain(column.type) is None else ColumnPlan(column, origin, convert)


def _table_plan(
    source: SourceSchema,
    table: TargetTable,
    tally: Tally,
    repair: bool,
    differences: list[str],
    refused: list[str],
) -> TablePlan:
    available = source.tables[table.name]
    columns: list[ColumnPlan] = []
    for column in table.columns.values():
        place = f"column {table.name}.{column.name}"
        derivation = DERIVED.get((table.name, column.name))
        origin: str | None = None
        if column.name in available:
            origin = quoted(column.name)
        elif derivation is not None:
            differences.append(f"{place}: only in the target, derived from {derivation.origin}")
            origin = derivation.expression
        else:
            differences.append(f"{place}: only in the target, left to its default")
            if not (column.nullable or column.has_default) and source.rows[table.name]:
                refused.append(f"{place}: only in the target, which wants a value")
        pair = column_plan(column, origin, tally, cut=repair) if origin else None
        if pair is not None:
            columns.append(pair)
        elif origin:
            refused.append(f"{place}: no rule for its type {column.type}")
    for name in available:
        if name not in table.columns:
            # What the server can compute again is no loss.
            lost = (table.name, name) not in DERIVED and source.has_data(table.name, name)
            note = f"column {table.name}.{name}: only in the source"
            refused.append(f"{note}, and it has data") if lost else differences.append(note)
    planned = {column.target.name for column in columns}
    if not table.key or not all(part.name in planned and part.type in KEY_TYPES for part in table.key):
        refused.append(f"table {table.name}: no primary key that both sides have, of types {_types()}")
    return TablePlan(table.name, tuple(columns), table.key, source.rows[table.name])


def _types() -> str:
    return ", ".join(sorted(KEY_TYPES))
