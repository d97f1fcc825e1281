"""A bundle's files: what they are called, how they are written, and whether they are whole."""

import hashlib
import json
from collections.abc import Mapping
from math import inf, isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from tocsin_models.calibration import Calibration, Method
from tocsin_models.networks import Form, NetworkPolicy, Order, Output
from tocsin_models.spans import Span
from tocsin_models.tails import load_tail

FORMAT = 4
CONFIG, CALIBRATION, SCORING = "config.json", "calibration.json", "scoring.json"
WEIGHTS, GOLDEN, GAUGES = "weights.safetensors", "golden.safetensors", "scoring.safetensors"
MANIFEST, DIGEST = "manifest.json", "manifest.sha256"
PARTS = (CONFIG, CALIBRATION, SCORING, WEIGHTS, GOLDEN, GAUGES)

_Facts = Mapping[str, str | int | float]


def dump(content: Mapping[str, object]) -> bytes:
    """Return JSON of which equal contents have equal bytes."""
    return json.dumps(content, allow_nan=False, indent=1, sort_keys=True).encode()


def save_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return arrays by name as safetensors."""
    # safetensors takes the memory as it lies, so it must lie in order
    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()})


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def seal(files: Mapping[str, bytes], facts: _Facts) -> dict[str, bytes]:
    """Return files with the manifest that tells what they are, and its digest."""
    manifest = dump({"facts": dict(facts), "files": _list_parts(files), "format": FORMAT})
    return {**files, MANIFEST: manifest, DIGEST: _digest(manifest).encode()}


def name_version(files: Mapping[str, bytes]) -> str:
    """Return the start of the manifest's digest, which names every byte of sealed files."""
    return _digest(files[MANIFEST])[:16]


def verify(files: Mapping[str, bytes]) -> _Facts:
    """Return the facts if all files are there and have the listed sizes and digests."""
    if set(files) != {*PARTS, MANIFEST, DIGEST}:
        raise ValueError(f"bundle: expected {[*PARTS, MANIFEST, DIGEST]}, got {sorted(files)}")
    if _digest(files[MANIFEST]).encode() != files[DIGEST]:
        raise ValueError("bundle: manifest.json or manifest.sha256 is damaged")
    try:
        manifest = json.loads(files[MANIFEST])
    except (ValueError, RecursionError) as error:
        raise ValueError(f"bundle: manifest.json is not JSON: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ValueError(f"bundle: manifest.json is not of format {FORMAT}")
    listed, found = manifest.get("files"), _list_parts(files)
    for name in PARTS:
        if not isinstance(listed, dict) or listed.get(name) != found[name]:
            raise ValueError(f"bundle: {name} is damaged")
    facts: _Facts = manifest.get("facts", {})
    return facts


def _list_parts(files: Mapping[str, bytes]) -> dict[str, dict[str, int | str]]:
    return {name: {"bytes": len(files[name]), "sha256": _digest(files[name])} for name in PARTS}


def read_policy(content: dict[str, Any]) -> NetworkPolicy:
    """Return the network policy whose fields these are.

    Raises:
        ValueError: If no network is called so.
    """
    if content["form"] not in list(Form):
        raise ValueError(f"no network is called {content['form']!r}, only {', '.join(Form)}")
    kinds = {"form": Form, "order": Order, "output": Output}
    return NetworkPolicy(**content | {key: kind(content[key]) for key, kind in kinds.items()})


def plain_calibration(calibration: dict[str, Any]) -> dict[str, Any]:
    """Return a calibration with what JSON has no number for, an infinite cap, as null."""
    spans = [s | {"cap": s["cap"] if isfinite(s["cap"]) else None} for s in calibration["spans"]]
    return calibration | {"spans": spans}


def read_calibration(content: dict[str, Any]) -> Calibration:
    """Return the calibration that `plain_calibration` was given."""
    spans = tuple(
        Span(each["windows"], each["cap"] or inf, each["usual"], load_tail(each["tail"]))
        for each in content["spans"]
    )
    return Calibration(**content | {"spans": spans, "method": Method(content["method"])})
