"""What the random provider promises of `random:index/randomPassword:RandomPassword`, without the protocol.

Names, defaults and rules are those of the real provider (4.x): every input decides the result, so a change of any
of them replaces the password; nothing else ever does.
"""

import secrets
import string
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar

import bcrypt

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What stands in the protocol for a value that a preview does not know yet."""

RESULTS = ("result", "bcryptHash")
"""The outputs that are secret and that inputs cannot set."""

SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
# bcrypt takes no more; the real provider hashes the beginning of a longer password.
BCRYPT_BYTES = 72
BCRYPT_COST = 10

_KEEPERS = "keepers"
_FLAGS = ("lower", "upper", "numeric", "number", "special")
_LEASTS = ("minLower", "minUpper", "minNumeric", "minSpecial")

Plain = str | float | bool | None | Mapping[str, "Plain"] | list["Plain"]
"""A property value with its secret wrappers taken off."""


@dataclass(frozen=True)
class Problem:
    """An input that cannot be: which, and why."""

    property: str
    reason: str


@dataclass(frozen=True)
class Rules:
    """How a password is made, with the defaults filled in."""

    length: int
    lower: bool
    upper: bool
    numeric: bool
    special: bool
    minLower: int
    minUpper: int
    minNumeric: int
    minSpecial: int
    overrideSpecial: str
    keepers: Mapping[str, Plain]

    INPUTS: ClassVar[tuple[str, ...]] = ("length", *_FLAGS, *_LEASTS, "overrideSpecial", _KEEPERS)

    @classmethod
    def of(cls, inputs: Mapping[str, Plain]) -> "Rules":
        """The rules that checked inputs (or a state) give; what is unknown counts as not given."""
        given = {name: value for name, value in inputs.items() if value is not None and value != UNKNOWN}
        keepers = given.get(_KEEPERS)
        return cls(
            length=_whole(given.get("length")),
            lower=given.get("lower", True) is True,
            upper=given.get("upper", True) is True,
            numeric=given.get("numeric", given.get("number", True)) is True,
            special=given.get("special", True) is True,
            minLower=_whole(given.get("minLower")),
            minUpper=_whole(given.get("minUpper")),
            minNumeric=_whole(given.get("minNumeric")),
            minSpecial=_whole(given.get("minSpecial")),
            overrideSpecial=str(given.get("overrideSpecial", "")),
            keepers=keepers if isinstance(keepers, Mapping) else {},
        )

    def outputs(self) -> dict[str, Plain]:
        """What the state shows of them; `number` is the old name of `numeric`."""
        shown: dict[str, Plain] = {**asdict(self), "number": self.numeric}
        for optional in ("overrideSpecial", _KEEPERS):
            if not shown[optional]:
                del shown[optional]
        return shown

    def password(self) -> str:
        """A new password of these rules, from the system's source of secrets."""
        special = self.overrideSpecial or SPECIAL
        classes = (
            (string.ascii_lowercase, self.lower, self.minLower),
            (string.ascii_uppercase, self.upper, self.minUpper),
            (string.digits, self.numeric, self.minNumeric),
            (special, self.special, self.minSpecial),
        )
        signs = [secrets.choice(alphabet) for alphabet, _, least in classes for _ in range(least)]
        every = "".join(alphabet for alphabet, wanted, _ in classes if wanted)
        signs += [secrets.choice(every) for _ in range(self.length - len(signs))]
        secrets.SystemRandom().shuffle(signs)
        return "".join(signs)


def problems(inputs: Mapping[str, Plain]) -> list[Problem]:
    """All that is wrong with inputs; what a preview does not know yet is not judged."""
    found = [Problem(name, "is no input of RandomPassword") for name in inputs if name not in Rules.INPUTS]
    known = {name: value for name, value in inputs.items() if value is not None and value != UNKNOWN}
    if inputs.get("length") is None:
        found.append(Problem("length", "is needed"))
    elif "length" in known and not _is_whole(known["length"], at_least=1):
        found.append(Problem("length", f"a whole number, at least 1, is expected, found {known['length']!r}"))
    for name in _LEASTS:
        if name in known and not _is_whole(known[name], at_least=0):
            found.append(Problem(name, f"a whole number, at least 0, is expected, found {known[name]!r}"))
    for name in _FLAGS:
        if name in known and not isinstance(known[name], bool):
            found.append(Problem(name, f"true or false is expected, found {known[name]!r}"))
    if not isinstance(known.get("overrideSpecial", ""), str):
        found.append(Problem("overrideSpecial", f"a text is expected, found {known['overrideSpecial']!r}"))
    if not isinstance(known.get(_KEEPERS, {}), Mapping):
        found.append(Problem(_KEEPERS, f"a map is expected, found {known[_KEEPERS]!r}"))
    return found or _contradictions(inputs, known)


def changed(state: Mapping[str, Plain], inputs: Mapping[str, Plain], ignored: frozenset[str]) -> list[str]:
    """The inputs that differ from those which made the password in `state`; an unknown one may differ."""
    before, after = asdict(Rules.of(state)), asdict(Rules.of(inputs))
    differing = [name for name in before if before[name] != after[name] or _unknown(inputs.get(name))]
    if _unknown(inputs.get("number")) and "numeric" not in differing:
        differing.append("numeric")
    return [name for name in differing if name not in ignored]


def created(inputs: Mapping[str, Plain], password: str | None = None) -> dict[str, Plain]:
    """The whole state of a password: a new one by these inputs, or `password` when it is given."""
    rules = Rules.of(inputs)
    result = rules.password() if password is None else password
    return {**rules.outputs(), "result": result, "bcryptHash": _bcrypt(result)}


def previewed(inputs: Mapping[str, Plain]) -> dict[str, Plain]:
    """The state as far as it is known before the password is made."""
    unknown = {name: value for name, value in inputs.items() if _unknown(value)}
    return {**Rules.of(inputs).outputs(), **unknown, **dict.fromkeys(RESULTS, UNKNOWN)}


def _contradictions(inputs: Mapping[str, Plain], known: Mapping[str, Plain]) -> list[Problem]:
    found: list[Problem] = []
    if "number" in known and "numeric" in known and known["number"] != known["numeric"]:
        found.append(Problem("number", "is the old name of numeric and contradicts it: leave it out"))
    rules = Rules.of(inputs)
    if not any(_unknown(inputs.get(name)) for name in ("length", *_LEASTS)):
        least = sum(_whole(known.get(name)) for name in _LEASTS)
        if rules.length < least:
            found.append(Problem("length", f"is {rules.length}, but the minimums add up to {least}"))
    if not any(_unknown(inputs.get(name)) for name in _FLAGS) and not any(
        (rules.lower, rules.upper, rules.numeric, rules.special)
    ):
        found.append(Problem("special", "at least one of lower, upper, numeric and special must be true"))
    return found


def _bcrypt(password: str) -> str:
    return bcrypt.hashpw(password.encode()[:BCRYPT_BYTES], bcrypt.gensalt(BCRYPT_COST, b"2a")).decode()


def _unknown(value: Plain) -> bool:
    """Whether a preview does not know it, or a part of it."""
    return value == UNKNOWN or (isinstance(value, Mapping) and any(_unknown(part) for part in value.values()))


def _is_whole(value: Plain, *, at_least: int) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return float(value).is_integer() and value >= at_least


def _whole(value: Plain) -> int:
    return int(value) if isinstance(value, int | float) else 0
