"""What a benchmark ran on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

LIBRARIES = ("aiokafka", "msgspec", "numpy", "torch", "tocsin")


def describe_machine() -> dict[str, object]:
    """Return processor, cores and versions."""
    return {
        "cpu": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
