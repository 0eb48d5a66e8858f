"""How columns are paired, and what is derived."""

from __future__ import annotations

import pytest

from jellyfin_ha.operations.errors import UserError
from jellyfin_ha.operations.migration.convert import Tally
from jellyfin_ha.operations.migration.plan import Plan, SourceSchema, make_plan, upper_invariant
from jellyfin_ha.operations.migration.target import TargetColumn, TargetTable


def _column(name: str, kind: str = "text", *, key: int = 0, nullable: bool = True) -> TargetColumn:
    return TargetColumn(name, kind, nullable, has_default=False, key_position=key, sequence=None)


def _plan(source: dict[str, tuple[str, ...]], *columns: TargetColumn, table: str = "Users") -> Plan:
    target = {table: TargetTable(table, {column.name: column for column in columns})}
    return make_plan(
        SourceSchema(source, dict.fromkeys(source, 3), has_data=lambda _, column: column != "Empty"),
        target,
        Tally(),
    )


ID = _column("Id", "uuid", key=1, nullable=False)


@pytest.mark.parametrize(
    ("name", "upper"),
    [("bob", "BOB"), ("żółć", "ŻÓŁĆ"), ("straße", "STRAßE"), ("ısı", "ıSı"), ("ﬁ", "ﬁ"), ("ǆ", "Ǆ"), ("", "")],
)
def test_names_are_put_in_upper_case_as_dotnet_does(name: str, upper: str) -> None:
    assert upper_invariant(name) == upper


def test_columns_are_paired_by_name_in_any_order() -> None:
    plan = _plan({"Users": ("Username", "Id")}, ID, _column("Username"))
    assert [(c.origin, c.target.name) for c in plan.tables[0].columns] == [('"Id"', "Id"), ('"Username"', "Username")]
    assert plan.differences == ()


def test_a_normalized_name_is_derived_when_missing_and_no_loss_when_the_target_lacks_it() -> None:
    derived = _plan({"Users": ("Id", "Username")}, ID, _column("Username"), _column("NormalizedUsername"))
    assert [c.origin for c in derived.tables[0].columns] == [
        '"Id"',
        '"Username"',
        'CAST(upper_invariant(CAST("Username" AS BLOB)) AS TEXT)',
    ]
    lost = _plan({"Users": ("Id", "Username", "NormalizedUsername")}, ID, _column("Username"))
    assert lost.differences == ("column Users.NormalizedUsername: only in the source",)


def test_everything_without_a_place_is_named_at_once() -> None:
    with pytest.raises(UserError) as refusal:
        _plan(
            {"Users": ("Id", "Mood", "Price", "Empty"), "Moods": ("Id",)},
            ID,
            _column("Price", "money"),
            _column("Shoe", nullable=False),
        )
    words = str(refusal.value)
    for expected in (
        "table Moods: only in the source, 3 rows",
        "column Users.Mood: only in the source, and it has data",
        "column Users.Price: no rule for its type money",
        "column Users.Shoe: only in the target, which wants a value",
    ):
        assert expected in words
    assert "Empty" not in words


def test_a_table_without_a_usable_key_is_refused() -> None:
    with pytest.raises(UserError, match="table Users: no primary key that both sides have"):
        _plan({"Users": ("Name",)}, _column("Name"))


def test_the_histories_are_not_copied() -> None:
    plan = _plan(
        {"__EFMigrationsHistory": ("MigrationId",)}, _column("MigrationId", key=1), table="__EFMigrationsHistory"
    )
    assert plan.tables == ()
