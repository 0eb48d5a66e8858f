"""The stack's configuration as one typed model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from jellyfin_ha.operations.errors import UserError

PROJECT = "jellyfin-ha"


def _text_of_number(value: object) -> object:
    """YAML reads `cpu: 2` as a number, which is a quantity as well."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Quantity = Annotated[
    str, BeforeValidator(_text_of_number), Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|Ki|Mi|Gi|Ti|M|G|T)?$")
]
DnsLabel = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
ImageReference = Annotated[str, Field(min_length=1, pattern=r"^\S+$")]
Url = Annotated[str, Field(pattern=r"^https?://[^/\s]+(/\S*[^/\s])?$")]


class Model(BaseModel):
    """Keys are written in camelCase, unknown ones are refused."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, validate_by_name=False)


class Resources(Model):
    """CPU and memory of a container."""

    requests: dict[Literal["cpu", "memory"], Quantity] = Field(default_factory=dict)
    limits: dict[Literal["cpu", "memory"], Quantity] = Field(default_factory=dict)


class Claim(Model):
    """A volume of one pod."""

    size: Quantity
    storage_class: str | None = None


class Nfs(Model):
    """An NFS export."""

    server: str
    path: Annotated[str, Field(pattern=r"^/")]
    mount_options: list[str] | None = None


class Shared(Model):
    """A volume of all pods: exactly one of nfs, storageClass, existingClaim and hostPath."""

    size: Quantity = "10Gi"
    nfs: Nfs | None = None
    storage_class: str | None = None
    existing_claim: DnsLabel | None = None
    host_path: Annotated[str, Field(pattern=r"^/")] | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Shared:
        sources = (self.nfs, self.storage_class, self.existing_claim, self.host_path)
        if sum(source is not None for source in sources) != 1:
            raise ValueError("expected exactly one of nfs, storageClass, existingClaim, hostPath")
        return self


class Longhorn(Model):
    """A Longhorn storage class that the stack makes."""

    replicas: Annotated[int, Field(ge=1, le=20)] = 1
    data_locality: Literal["disabled", "best-effort", "strict-local"] = "best-effort"


class PerPod(Model):
    """The volumes that each server has for itself."""

    transcode_size: Quantity = "20Gi"
    cache_size: Quantity = "10Gi"
    storage_class: str | None = None
    longhorn: Longhorn | None = None

    @model_validator(mode="after")
    def _one_class(self) -> PerPod:
        if self.storage_class is not None and self.longhorn is not None:
            raise ValueError("expected storageClass or longhorn, not both")
        return self


class Storage(Model):
    """All volumes of the servers."""

    config: Shared
    media: Shared
    per_pod: PerPod = PerPod()


class Service(Model):
    """How clients reach the servers."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    node_port: Annotated[int, Field(ge=30000, le=32767)] | None = None

    @model_validator(mode="after")
    def _port_of_a_node(self) -> Service:
        if self.node_port is not None and self.type == "ClusterIP":
            raise ValueError("expected nodePort with type NodePort or LoadBalancer only")
        return self


class Server(Model):
    """The Jellyfin servers."""

    image: ImageReference
    url: Url
    replicas: Annotated[int, Field(ge=0, le=9)] = 2
    service: Service = Service()
    resources: Resources = Resources()
    node_selector: dict[str, str] = Field(default_factory=dict)


class Database(Model):
    """PostgreSQL."""

    image: ImageReference = "postgres:17"
    storage: Claim = Claim(size="10Gi")
    resources: Resources = Resources()
    node_selector: dict[str, str] = Field(default_factory=dict)
    max_connections: Annotated[int, Field(ge=20, le=10000)] = 100


class LeaseStore(Model):
    """Redis."""

    image: ImageReference = "redis:8"
    storage: Claim = Claim(size="1Gi")
    memory_mib: Annotated[int, Field(ge=64, le=65536)] = 256
    node_selector: dict[str, str] = Field(default_factory=dict)


class Migration(Model):
    """The single server's database that fills a new one: `source` until that is done, `done: true` from then on."""

    source: Annotated[str, Field(min_length=1)] | None = None
    repair: bool = False
    done: bool = False

    @model_validator(mode="after")
    def _either(self) -> Migration:
        if (self.source is not None) == self.done:
            raise ValueError("expected either source or done: true, or {} for none")
        return self


def _none_of_nothing(value: object) -> object:
    """Pulumi hands a key without a value to the program as an empty text."""
    return None if value in ({}, "") else value


class Settings(Model):
    """The configuration of one stack, under the prefix `jellyfin-ha:` of its Pulumi.<stack>.yaml."""

    namespace: DnsLabel = "jellyfin"
    mode: Literal["active-active"] = "active-active"
    server: Server
    storage: Storage
    database: Database = Database()
    lease_store: LeaseStore = LeaseStore()
    migration: Annotated[Migration | None, BeforeValidator(_none_of_nothing)] = None
    acknowledge_data_loss: list[str] = Field(default_factory=list)
    """Names of resources whose data a change may lose, see [previews.md](previews.md)."""


def parse_settings(values: Mapping[str, object], *, origin: str) -> Settings:
    """The settings in `values` (key without the prefix -> plain YAML value).

    Args:
        values: the stack's configuration.
        origin: where it was read, for the error.

    Raises:
        UserError: exit code 2; every unknown, missing or ill-typed key, with its value and the legal form.
    """
    try:
        return Settings.model_validate(dict(values))
    except ValidationError as error:
        lines = [_problem(problem) for problem in error.errors(include_url=False)]
        raise UserError(
            f"{origin}: {len(lines)} setting{'s' * (len(lines) != 1)} cannot be used:\n" + "\n".join(lines), exit_code=2
        ) from None


def _problem(problem: Mapping[str, object]) -> str:
    location = problem["loc"]
    assert isinstance(location, tuple)
    key = f"{PROJECT}:" + ".".join(str(part) for part in location if part != "[key]")
    if problem["type"] == "extra_forbidden":
        return f"  {key}: unknown key; remove it or look for its right name in docs/settings.md"
    if problem["type"] == "missing":
        return f"  {key}: missing; it has no default"
    return f"  {key}: found {problem['input']!r}; {problem['msg']}"
