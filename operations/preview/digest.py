"""What `pulumi preview --json` prints, as far as it is used here."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from jellyfin_ha.operations.errors import UserError

STACK_TYPE = "pulumi:pulumi:Stack"

# The engine's last word, which tells nothing when a cause stands before it.
EPITAPH = "error: preview failed"


def _empty_for_null(value: object) -> object:
    """Go writes a list or map that was never filled as null."""
    return value if value is not None else ()


class Model(BaseModel):
    """Keys are in camelCase; what later engines add is left alone."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


class State(Model):
    """A resource before or after.

    Args:
        type: its type token.
        custom: False for a component, which is nothing in the cluster.
        inputs: what the program asked for.
        outputs: what the provider made of it; empty when that is not known yet.
        parent: the URN of the resource that it belongs to.
        retain_on_delete: Pulumi forgets it and leaves it in the cluster.
        additional_secret_outputs: properties that are secret as a whole.
    """

    type: str
    custom: bool = False
    inputs: dict[str, JsonValue] = Field(default_factory=dict)
    outputs: dict[str, JsonValue] = Field(default_factory=dict)
    parent: str = ""
    retain_on_delete: bool = False
    additional_secret_outputs: list[str] = Field(default_factory=list)


class Difference(Model):
    """What the provider says of one property: add, delete or update, with `-replace` when it forces that."""

    kind: str


class Step(Model):
    """What would be done to one resource."""

    op: str
    urn: Annotated[str, Field(pattern=r"^urn:pulumi:.*::.*::.*::.")]
    old_state: State | None = None
    new_state: State | None = None
    detailed_diff: Annotated[dict[str, Difference], BeforeValidator(lambda value: value or {})] = Field(
        default_factory=dict[str, Difference]
    )


class Diagnostic(Model):
    """What the engine or a provider said: `severity` is error, warning, info or debug."""

    message: str = ""
    severity: str
    urn: str = ""


class Preview(Model):
    """One preview of one stack.

    The engine leaves out what is empty: a preview that fails early may have diagnostics alone.
    """

    steps: Annotated[tuple[Step, ...], BeforeValidator(_empty_for_null)] = ()
    change_summary: Annotated[dict[str, int], BeforeValidator(lambda value: value or {})] = Field(
        default_factory=dict[str, int]
    )
    diagnostics: Annotated[tuple[Diagnostic, ...], BeforeValidator(_empty_for_null)] = ()

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("neither steps, nor changeSummary, nor diagnostics")
        return self

    @property
    def stack(self) -> str:
        """The stack's name; empty when the preview ended before any resource was looked at."""
        return self.steps[0].urn.split("::")[0].removeprefix("urn:pulumi:") if self.steps else ""

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """Why the preview failed; empty when it did not."""
        found = [diagnostic for diagnostic in self.diagnostics if diagnostic.severity == "error"]
        causes = [error for error in found if error.message.strip() != EPITAPH]
        return tuple(causes or found)


def read_preview(path: Path) -> Preview:
    """A file that `pulumi preview --json` has written.

    Raises:
        UserError: exit code 2; there is no such file, or it is no preview.
    """
    try:
        return Preview.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}", exit_code=2) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"{path}: expected what `pulumi preview --json` prints, found something else "
            f"({f'{where}: ' if where else ''}{first['msg']})",
            exit_code=2,
        ) from None
