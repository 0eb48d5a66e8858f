"""Names and sizes as people can read them, whatever bytes a file name holds."""

BYTES_A_STEP = 1024
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def shown(path: str) -> str:
    """A path on one line: control characters and bytes that are not UTF-8 as escapes."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in path)


def size(count: int) -> str:
    """A number of bytes, for people."""
    value, unit = float(count), UNITS[0]
    for unit in UNITS:
        if value < BYTES_A_STEP or unit == UNITS[-1]:
            break
        value /= BYTES_A_STEP
    return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"
