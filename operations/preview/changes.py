"""The steps of a preview as changes: one for each resource, with what differs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from .digest import STACK_TYPE, Preview, State, Step
from .properties import SECRET, differing, lookup, parts, shown

# The engine tells a replacement as one step or as its parts.
REPLACING = frozenset({"replace", "create-replacement", "delete-replaced", "import-replacement", "read-replacement"})
NO_CHANGE = frozenset(
    {"same", "refresh", "read", "read-discard", "discard", "discard-replaced", "remove-pending-replace"}
)

STACK_ITSELF: Final = "the stack itself"

NOTHING = State(type="")


@dataclass(frozen=True)
class Property:
    """A difference: values are as people may see them, None for what is not there."""

    path: str
    old: str | None
    new: str | None
    replaces: bool


@dataclass(frozen=True)
class Change:
    """What would be done to one resource.

    Args:
        urn: the resource.
        operation: create, update, replace, delete, or what else the engine calls it.
        kind: the last part of its type: "StatefulSet".
        name: of the resource.
        component: what it belongs to: "jellyfin-redis (RedisLeaseStore)".
        old: its inputs before; empty for a new one. May hold secrets: not to be shown.
        new: its inputs after; empty for one that is deleted.
        retained: Pulumi would only forget it: it stays in the cluster.
        properties: what differs, for an update or replacement.
    """

    urn: str
    operation: str
    kind: str
    name: str
    component: str
    old: Mapping[str, JsonValue]
    new: Mapping[str, JsonValue]
    retained: bool
    properties: tuple[Property, ...]


def changes_of(preview: Preview) -> list[Change]:
    """The changes of a preview in the engine's order, without components, which are nothing in the cluster."""
    by_urn: dict[str, Step] = {}
    for step in preview.steps:
        state = step.new_state or step.old_state
        if step.op in NO_CHANGE or state is None or not state.custom:
            continue
        told = by_urn.get(step.urn)
        if told is None or _tells(step) > _tells(told):
            by_urn[step.urn] = step
    return [_change(step) for step in by_urn.values()]


def _tells(step: Step) -> tuple[bool, int]:
    """How much a step tells of a replacement: both sides first, then the properties."""
    return step.old_state is not None and step.new_state is not None, len(step.detailed_diff)


def _change(step: Step) -> Change:
    old, new = step.old_state or NOTHING, step.new_state or NOTHING
    state = step.new_state or step.old_state or NOTHING
    operation = "replace" if step.op in REPLACING else step.op
    both = step.old_state is not None and step.new_state is not None
    return Change(
        urn=step.urn,
        operation=operation,
        kind=state.type.rpartition(":")[2],
        name=_name(step.urn),
        component=_component(state.parent),
        old=old.inputs,
        new=new.inputs,
        retained=old.retain_on_delete,
        properties=tuple(_properties(step, old, new)) if both else (),
    )


def _properties(step: Step, old: State, new: State) -> Iterable[Property]:
    kinds = {path: difference.kind for path, difference in step.detailed_diff.items()}
    # Some providers only say that something differs.
    for path in sorted(kinds or differing(old.inputs, new.inputs)):
        before, after = (_value(state, path) for state in (old, new))
        hidden = SECRET in (before, after) or any(_is_secret(state, path) for state in (old, new))
        kind = kinds.get(path, "update")
        yield Property(
            path=path,
            old=None if before is None or kind.startswith("add") else SECRET if hidden else shown(before),
            new=None if after is None or kind.startswith("delete") else SECRET if hidden else shown(after),
            replaces=kind.endswith("-replace"),
        )


def _value(state: State, path: str) -> JsonValue:
    """What was asked for; for what the cluster changed by itself, what it was changed to."""
    asked = lookup(state.inputs, path)
    return lookup(state.outputs, path) if asked is None else asked


def _is_secret(state: State, path: str) -> bool:
    top = next(iter(parts(path)), "")
    if top in state.additional_secret_outputs:
        return True
    if state.type.startswith("pulumi:providers:"):
        return top == "kubeconfig"
    if state.type.endswith((":Secret", ":SecretPatch")):
        # In an annotation kubectl keeps a copy of the whole object, with all that is secret in it.
        return top != "metadata" or path == "metadata" or "annotations" in path
    return state.type.startswith("random:") and top in ("result", "bcryptHash")


def _name(urn: str) -> str:
    return urn.split("::", 3)[3]


def _component(urn: str) -> str:
    if not urn or f"::{STACK_TYPE}::" in urn:
        return STACK_ITSELF
    kind = urn.split("::")[2].rpartition(":")[2]
    return f"{_name(urn)} ({kind})"
