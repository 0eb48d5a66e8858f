"""What an image is made of: `images/<name>/recipe.toml`."""

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from jellyfin_ha.operations.errors import UserError

Mode = Annotated[int, BeforeValidator(lambda text: int(text, 8))]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Debian(_Table):
    """A root file system of Debian packages.

    Attributes:
        suite: the release.
        packages: what is installed, with all it depends on and nothing it only recommends.
        leave_out: path patterns that no package may bring.
        early_files: path to content, written before the packages are installed.
        commands: shell lines run inside, afterwards.
        remove: path patterns deleted at the end.
    """

    suite: str
    packages: tuple[str, ...]
    leave_out: tuple[str, ...] = ()
    early_files: dict[str, str] = {}
    commands: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class User(_Table):
    """A user with a group of the same name, made before the packages that would make one with another number."""

    name: str
    uid: int
    gid: int
    home: str


class Python(_Table):
    """Python packages, byte-compiled, in a folder of their own: `requirements` at their locked versions."""

    path: str
    version: str
    requirements: tuple[str, ...]


class Code(_Table):
    """This project's own files, under `path`: path there to path in the checkout, a file or a folder."""

    path: str
    files: dict[str, str]


class Program(_Table):
    """A C program of one source file, linked statically."""

    source: str
    path: str


class Folder(_Table):
    """An empty folder."""

    path: str
    mode: Mode = 0o755
    uid: int = 0
    gid: int = 0


class File(_Table):
    """A file that lies beside the recipe."""

    source: str
    path: str
    mode: Mode = 0o644


class Link(_Table):
    """A symbolic link."""

    path: str
    target: str


class Config(_Table):
    """What the image tells those who run it; the names are those of the OCI image specification."""

    user: str = ""
    env: dict[str, str] = {}
    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    working_dir: str = "/"
    stop_signal: str = ""


class Recipe(_Table):
    """A whole recipe.

    Attributes:
        folder: where it and its files are.
        on_nodes: whether the lab's nodes get the image; one that they do not get is built when it is asked for.
    """

    # What does not change the image is no part of its name.
    folder: Path = Field(exclude=True)
    on_nodes: bool = Field(default=True, exclude=True)
    debian: Debian | None = None
    python: Python | None = None
    code: Code | None = None
    program: Program | None = None
    users: tuple[User, ...] = ()
    folders: tuple[Folder, ...] = ()
    files: tuple[File, ...] = ()
    links: tuple[Link, ...] = ()
    config: Config

    @property
    def name(self) -> str:
        """The image's name: that of its folder."""
        return self.folder.name


def load(folder: Path) -> Recipe:
    """Read `folder/recipe.toml`.

    Raises:
        UserError: it is no TOML or no recipe; all errors at once (exit code 2).
    """
    file = folder / "recipe.toml"
    try:
        return Recipe.model_validate({**tomllib.loads(file.read_text()), "folder": folder})
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"{file}: {error}", exit_code=2) from error
    except ValidationError as error:
        lines = [
            f"  {'.'.join(map(str, found['loc']))}: {found['msg']}, found {found['input']!r}"
            for found in error.errors()
        ]
        raise UserError(f"{file} is no recipe:\n" + "\n".join(lines), exit_code=2) from error
