"""The words that generated names, titles and texts are made of; many letters on purpose, not only English ones."""

from itertools import product


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _names(text: str) -> tuple[str, ...]:
    return tuple(" ".join(name.split()) for name in text.split(","))


ADJECTIVES = _words(
    """
    Silent Golden Last Hidden Broken Crimson Northern Distant Electric Forgotten Hollow Endless Quiet Winter Burning
    Paper Lonely Second Borrowed Velvet Frozen Restless Glass Copper Wild Sunken Secret Little Perfect Stolen Blue
    Midnight Grüne Šedá Weiße Ny Łaskawa Été Üble Año Красная Белая Μικρή 東京の 冬の गुप्त قديم أخضر
    """
)
NOUNS = _words(
    """
    River Empire Garden Signal Harbour Machine Orchard Kingdom Letter Station Mirror Shadow Summer Voyage Lantern
    Mountain Island Theatre Promise Engine Tide Compass Neighbour Bridge Archive Ghost Carnival Frontier Winter
    Parade Horizon Doctor Straße Größe Café Niño Město Żółw Smörgås Ångström Война Звезда Θάλασσα 夜 桜 नदी مدينة قلب
    """
)
PATTERNS = ("The {} {}", "{} {}", "{} {} & Sons", "A {} {}", "{} {}’s Return", "{} {}: Origins")
FIRST_NAMES = _words(
    """
    Ada Bo Chloë Dmitri Élodie Fatima Grzegorz Hana Ingrid José Kwame Łucja Mateo Noor Oisín Priya Quentin Renée
    Søren Tomáš Uma Víctor Wei Ximena Yūki Zoë Anna Brian Carmen David Emma Frank Grace Henry Isabel John Kate Liam
    Mary Nina Oscar Paul Rosa Sam Tilda Ulrich Vera Walter
    """
)
LAST_NAMES = _words(
    """
    Almeida Björk Çelik Dvořák Eriksson Fernández García Håkansson Ionescu Jansen Kowalski Lefèvre Müller Nakamura
    O’Brien Petrović Quiroga Rossi Schäfer Tanaka Ueda Vásquez Weiß Xu Yılmaz Žižek Adams Baker Clark Davis Evans
    Fisher Green Hughes Irving Jones King Lewis Moore Nolan Owens Parker Quinn Reed Smith Turner Underwood Иванов
    """
)
INITIALS = ("", *(f"{letter}. " for letter in "ABCDEFGHIJKLMNOPRSTVWYZ"))

GENRES = _names(
    """
    Action, Adventure, Animation, Comedy, Crime, Documentary, Drama, Family, Fantasy, History, Horror, Music,
    Mystery, Romance, Science Fiction, Thriller, War, Western, Reality, Film-Noir
    """
)
MUSIC_GENRES = _names(
    """
    Rock, Pop, Jazz, Électronique, Folk, Hip-Hop, Blues, Klassik, Ambient, Metal, Reggae, Soul
    """
)
STUDIOS = tuple(
    f"{place} {kind}"
    for place, kind in product(
        _words("Meridian Aurora Blackwater Östra Solaris Tōkai Fjord Granville Lumière Kestrel"),
        _words("Pictures Films Television Entertainment Studios"),
    )
)
TAGS = tuple(
    f"{what} {thing}"
    for what, thing in product(
        _words("small lost based-on-a single aging corrupt haunted friendly rural future"),
        _words("town novel family detective spaceship brother wedding bank island dog war robot"),
    )
)
# Of a film, and the score that Jellyfin gives it.
RATINGS = (("G", 0), ("PG", 10), ("PG-13", 13), ("TV-14", 14), ("R", 17), ("TV-MA", 17), ("FSK-12", 12), ("0+", 0))
COUNTRIES = _names(
    """
    United States of America, United Kingdom, Germany, France, 日本, Česko, Brasil, India
    """
)
LANGUAGES = _words(
    """
    eng ger fre spa jpn cze pol ita por rus
    """
)

_SUBJECTS = (
    "A retired cartographer",
    "The youngest of three sisters",
    "An ambitious prosecutor",
    "A street musician from Kraków",
    "The crew of a salvage ship",
    "An amnesiac locksmith",
    "The mayor’s estranged son",
    "A pair of mismatched detectives",
    "A village schoolteacher",
)
_DEEDS = (
    "discovers a letter that was never meant to be read",
    "returns home after twenty years to settle an old debt",
    "is drawn into a conspiracy that reaches the highest offices",
    "must cross a frozen country before the spring thaw",
    "takes a job nobody else would accept",
    "falls in love with the one person who knows the truth",
    "is forced to choose between family and duty",
    "learns that the past is not as dead as everyone hoped",
)
_ENDINGS = (
    "and nothing in the town will ever be the same.",
    "while a storm gathers over the coast.",
    "– with consequences no one could foresee.",
    "only to find that somebody got there first.",
    "before the last train leaves for the border.",
)
SENTENCES = tuple(f"{one} {two} {three}" for one, two, three in product(_SUBJECTS, _DEEDS, _ENDINGS))
