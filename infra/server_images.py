"""What is known of server images."""

# None is known. A stock server empties the transcode folder at its first playback. The forks keep records of
# transcodes in Redis, but none of their servers continues what another began, and each still empties the folder.
TAKING_OVER: frozenset[str] = frozenset()
"""The image references whose servers go on with a transcode that another server began in the same folder."""


def takes_over_transcodes(image: str) -> bool:
    """Whether servers of this image can share one transcode folder."""
    return image in TAKING_OVER
