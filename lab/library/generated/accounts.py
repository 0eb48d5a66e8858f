"""The generated library's users: the sample's two with their passwords, and others whose passwords nobody knows."""

from collections.abc import Iterator
from random import Random
from uuid import UUID

from ..users import ALICE_ID, BOB_ID, permission_rows, preference_rows, user_row, user_tables
from ..values import Row, Tables, guid, moment, sample_guid, sample_token
from .item import below, between, some_day
from .shelves import SHELVES

# Who has no password at all.
CHILD = "kids"
OTHERS = ("Émilie", "grandma", "Dăvid", CHILD)
APPS = (
    ("Jellyfin Web", "10.11.11", "Firefox"),
    ("Jellyfin Android TV", "0.19.4", "Salon – téléviseur"),
    ("Jellyfin Mobile", "2.6.3", "Pixel 8"),
    ("Infuse-Direct", "8.1.4", "Apple TV"),
    ("Finamp", "0.9.18", "Mia’s 📱"),
)
HOME_SECTIONS = 7
SORTINGS = ("SortName", "DateCreated,SortName", None)
HEX = "0123456789ABCDEF"


def user_ids() -> tuple[UUID, ...]:
    """Everybody, the sample's two first."""
    return ALICE_ID, BOB_ID, *(sample_guid(f"user {name}") for name in OTHERS)


def account_tables(rng: Random) -> Tables:
    """Rows of all tables about users, devices and their settings."""
    tables = user_tables()
    for number, (identity, name) in enumerate(zip(user_ids()[2:], OTHERS, strict=True), 3):
        # Hashing costs a moment for each; nobody knows these passwords, so digits of the right length do.
        password = f"$PBKDF2-SHA512$iterations=210000${_hex(rng, 32)}${_hex(rng, 128)}" if name != CHILD else None
        tables["Users"].append(user_row(number, identity, name, password, HidePlayedInLatest=0))
        tables["Permissions"] += permission_rows(number, identity)
        tables["Preferences"] += preference_rows(number, identity)
    last = len(tables["Devices"]) + 10
    tables["Devices"] += list(_devices(rng, last))
    tables["DeviceOptions"] += [
        {"Id": 2 * number, "DeviceId": row["DeviceId"], "CustomName": None if number % 2 else "Küche"}
        for number, row in enumerate(tables["Devices"][3::3], 1)
    ]
    tables["ApiKeys"] += [
        {
            "Id": 3 + 2 * number,
            "Name": name,
            "AccessToken": sample_token(f"api key {name}"),
            "DateCreated": moment(5 + number),
            "DateLastActivity": some_day(rng, 200),
        }
        for number, name in enumerate(("Sonarr", "Jellyseerr"))
    ]
    _add_display_rows(rng, tables)
    return tables


def _devices(rng: Random, first: int) -> Iterator[Row]:
    number = first
    for user in user_ids():
        for app, version, name in APPS:
            # Every log-in takes a number, and log-outs leave gaps.
            number += between(rng, 1, 9)
            device = f"{app}-{user.hex[:12]}-{number}"
            yield {
                "Id": number,
                "UserId": guid(user),
                "AccessToken": sample_token(device),
                "AppName": app,
                "AppVersion": version,
                "DeviceName": name,
                "DeviceId": device,
                "IsActive": 0,
                "DateCreated": moment(number, 7),
                "DateModified": moment(number, 8),
                "DateLastActivity": some_day(rng, number),
            }


def _add_display_rows(rng: Random, tables: Tables) -> None:
    """Adds, for every user, what the sample's users have of each kind, with more clients and libraries."""
    display, sections = tables["DisplayPreferences"], tables["HomeSection"]
    items, custom = tables["ItemDisplayPreferences"], tables["CustomItemDisplayPreferences"]
    like_display, like_item = display[-1], items[-1]
    # Numbers of the sample's rows end before 10.
    for number, user in enumerate((guid(each) for each in user_ids()), 10):
        display.append({**like_display, "Id": number, "UserId": user, "Client": "Jellyfin Android TV"})
        sections += [
            {"Id": 10 * number + order, "DisplayPreferencesId": number, "Order": order, "Type": below(rng, 9)}
            for order in range(HOME_SECTIONS)
        ]
        for identity, shelf in enumerate(SHELVES, 10 * number):
            items.append({**like_item, "Id": identity, "UserId": user, "ItemId": guid(shelf.view)})
            custom.append(
                {
                    "Id": identity,
                    "UserId": user,
                    "ItemId": guid(shelf.view),
                    "Client": "emby",
                    "Key": f"{shelf.view.hex}-sortby",
                    "Value": rng.choice(SORTINGS),
                }
            )


def _hex(rng: Random, length: int) -> str:
    return "".join(rng.choices(HEX, k=length))
