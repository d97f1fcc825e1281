"""Fixtures: an empty current folder, and an environment that says nothing."""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in os.environ:
        if name.startswith("TOCSIN_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def secrets(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of secrets, which is empty."""
    path = folder / "secrets"
    path.mkdir(mode=0o700)
    monkeypatch.setenv("TOCSIN_SECRETS_DIR", str(path))
    return path
