"""Secrets in files: one each, named by ``NAME_file`` or standing in a folder of secrets."""

import os
from collections.abc import Mapping
from pathlib import Path

FOLDER_VARIABLE = "TOCSIN_SECRETS_DIR"


def read_secret(path: Path) -> str:
    """Return the text of a file, without the space around it.

    Raises:
        ValueError: if there is none; says why.
    """
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    except ValueError:  # not UTF-8, or a path that can be none
        raise ValueError(f"{path} is no text file") from None
    if not secret:
        raise ValueError(f"{path} is empty")
    return secret


def secret_files() -> Mapping[str, Path]:
    """Return the files in the folder of secrets by name; nothing if no folder is named.

    Raises:
        ValueError: if the folder cannot be read.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    if not named:
        return {}
    try:
        entries = sorted(Path(named).iterdir())
    except OSError as error:
        raise ValueError(
            f"{FOLDER_VARIABLE}: cannot read the folder {named}: {error.strerror}"
        ) from None
    return {path.name: path for path in entries if not path.name.startswith(".")}


def read_kept_secret(path: Path) -> str:
    """Return a secret that stands in the folder of secrets itself.

    A link may lead about within the folder, as Kubernetes lets it, and never out of it: whoever
    may put a link there could else have any file read.

    Raises:
        ValueError: if there is none; says why.
    """
    try:
        inside = path.resolve().is_relative_to(path.parent.resolve())
    except (OSError, RuntimeError):  # links in a circle
        inside = False
    if not inside:
        raise ValueError(f"{path} is a link that leads out of its folder; put the secret there")
    return read_secret(path)


def is_open_to_all(path: Path) -> bool:
    """Whether every account of this machine may read a file."""
    try:
        return bool(path.stat().st_mode & 0o004 and path.resolve().parent.stat().st_mode & 0o001)
    except OSError:
        return False
