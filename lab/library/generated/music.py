"""Generated artists with albums and tracks, without end."""

from collections.abc import Iterator
from itertools import count
from random import Random

from ...mediaserver.schema.identifiers import item_id
from ...mediaserver.schema.kinds import ItemType
from .item import Item, below, between, chance, digits, length, random_guid, single
from .names import ALBUM_TITLES, ANY_TITLE, BAND_TITLES, person_name, title
from .shelves import MUSIC

MOST_ALBUMS = 4
TRACKS_AN_ALBUM = (8, 14)
TRACK_SECONDS = (120, 420)


def music(rng: Random) -> Iterator[Item]:
    """Artists, albums and tracks; parents first."""
    for number in count():
        artist = _artist(rng, number)
        yield artist
        for album_number in range(between(rng, 1, MOST_ALBUMS)):
            album = _album(rng, artist, number * MOST_ALBUMS + album_number)
            yield album
            for track in range(1, 1 + between(rng, *TRACKS_AN_ALBUM)):
                # Guests are artists who are there already.
                guest = _artist_name(below(rng, number + 1)) if chance(rng, 0.15) else artist.name
                yield _track(rng, album, track, guest)


def _artist_name(number: int) -> str:
    return title(BAND_TITLES + number // 2) if number % 2 else person_name(number)


def _artist(rng: Random, number: int) -> Item:
    name = _artist_name(number)
    path = f"{MUSIC.path}/{name}"
    return Item(
        identity=item_id(ItemType.MUSIC_ARTIST, path),
        kind=ItemType.MUSIC_ARTIST,
        name=name,
        path=path,
        ancestors=MUSIC.ancestors,
        top=MUSIC.top,
        keys=(f"Artist-{name}",),
        providers={"MusicBrainzArtist": str(random_guid(rng)), "AudioDbArtist": digits(rng, 199_999)},
        columns={"IsFolder": 1, "UnratedType": "Music"},
    )


def _album(rng: Random, artist: Item, number: int) -> Item:
    name, year = title(ALBUM_TITLES + number), between(rng, 1965, 2025)
    path = f"{artist.path}/{name} ({year})"
    return Item(
        identity=item_id(ItemType.MUSIC_ALBUM, path),
        kind=ItemType.MUSIC_ALBUM,
        name=name,
        path=path,
        ancestors=(artist.key, *artist.ancestors),
        top=artist.top,
        year=year,
        keys=(f"MusicAlbum-{name}",),
        providers={
            "MusicBrainzAlbum": str(random_guid(rng)),
            "MusicBrainzReleaseGroup": str(random_guid(rng)),
        },
        artists=(artist.name,),
        columns={
            "IsFolder": 1,
            "UnratedType": "Music",
            "Album": name,
            "AlbumArtists": artist.name,
            "Artists": artist.name,
            "NormalizationGain": single(-9 * rng.random()),
        },
    )


def _track(rng: Random, album: Item, number: int, guest: str) -> Item:
    name = title(below(rng, ANY_TITLE))
    path = f"{album.path}/{number:02} - {name}.flac"
    (artist,) = album.artists
    artists = tuple(dict.fromkeys((artist, guest)))
    return Item(
        identity=item_id(ItemType.AUDIO, path),
        kind=ItemType.AUDIO,
        name=name,
        path=path,
        ancestors=(album.key, *album.ancestors),
        top=album.top,
        year=album.year,
        ticks=length(rng, *TRACK_SECONDS),
        keys=(f"{artist}-{album.name}-{number:04}{name}",),
        providers={"MusicBrainzTrack": str(random_guid(rng))} if chance(rng, 0.8) else {},
        artists=artists,
        columns={
            "UnratedType": "Music",
            "SortName": f"0001 - {number:04} - {name}",
            "IndexNumber": number,
            "ParentIndexNumber": 1,
            "Album": album.name,
            "AlbumArtists": artist,
            "Artists": "|".join(artists),
            "LUFS": single(-6 - 14 * rng.random()),
            "NormalizationGain": single(-9 * rng.random()),
        },
    )
