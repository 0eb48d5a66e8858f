"""How much of what an item of each kind has; tuned so that an item has about 22 rows in all tables together."""

from dataclasses import dataclass

from ...mediaserver.schema.kinds import ItemType

# `BaseItemImageInfos.ImageType`
PRIMARY, BANNER, BACKDROP, LOGO, THUMB = 0, 3, 2, 4, 5


@dataclass(frozen=True)
class Traits:
    """What items of a kind have.

    Args:
        images: kinds of its pictures.
        people: how many people, at least and at most.
        genres, studios, tags: how many at most.
        chapters: how many at most.
        audio, subtitles: how many streams at most.
        described: share of the items with an overview and ratings.
        sentences: of the overview, at most.
        watched: share of the items that somebody has played.
    """

    images: tuple[int, ...] = ()
    people: tuple[int, int] = (0, 0)
    genres: int = 0
    studios: int = 0
    tags: int = 0
    chapters: int = 0
    audio: int = 0
    subtitles: int = 0
    described: float = 0.0
    sentences: int = 0
    watched: float = 0.0


TRAITS = {
    ItemType.MOVIE: Traits(
        images=(PRIMARY, BACKDROP, LOGO),
        people=(5, 17),
        genres=4,
        studios=3,
        tags=6,
        chapters=18,
        audio=3,
        subtitles=3,
        described=0.95,
        sentences=5,
        watched=0.25,
    ),
    ItemType.EPISODE: Traits(
        images=(PRIMARY,),
        people=(1, 10),
        genres=3,
        studios=1,
        tags=2,
        chapters=4,
        audio=2,
        subtitles=1,
        described=0.9,
        sentences=4,
        watched=0.2,
    ),
    ItemType.SERIES: Traits(
        images=(PRIMARY, BACKDROP, LOGO, BANNER),
        people=(8, 22),
        genres=4,
        studios=2,
        tags=8,
        described=1.0,
        sentences=6,
        watched=0.4,
    ),
    ItemType.SEASON: Traits(images=(PRIMARY,), described=0.4, sentences=3, watched=0.2),
    ItemType.AUDIO: Traits(images=(PRIMARY,), genres=2, audio=1, watched=0.15),
    ItemType.MUSIC_ALBUM: Traits(images=(PRIMARY,), genres=2, described=0.5, sentences=4, watched=0.05),
    ItemType.MUSIC_ARTIST: Traits(images=(PRIMARY, BACKDROP), genres=2, described=0.7, sentences=8, watched=0.05),
    ItemType.BOX_SET: Traits(images=(PRIMARY, BACKDROP), genres=2, described=0.9, sentences=3),
    ItemType.TRAILER: Traits(audio=1),
    ItemType.PERSON: Traits(images=(PRIMARY,), described=0.6, sentences=7),
    ItemType.STUDIO: Traits(images=(THUMB,)),
    ItemType.PROGRAM: Traits(genres=1, described=0.8, sentences=2),
}
_PLAIN = Traits()


def traits_of(kind: ItemType) -> Traits:
    """What items of that kind have."""
    return TRAITS.get(kind, _PLAIN)
