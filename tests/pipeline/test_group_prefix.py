from pathlib import Path
from typing import Any

import pytest

from tocsin.settings import Settings
from tocsin.wiring import ROLES, open_log


@pytest.mark.parametrize("prefix", ["tocsin", "plant-2"])
async def test_two_installations_on_one_cluster_can_have_groups_of_their_own(
    tmp_path: Path, prefix: str
) -> None:
    kafka = {"group_prefix": prefix}
    profiles = [{"channels": ["flow"]}]
    given: dict[str, Any] = {"data_dir": tmp_path, "kafka": kafka, "profiles": profiles}
    settings = Settings(**given)
    groups = {}
    async with open_log(settings) as log:
        for name in ("detect", "sink", "notify"):
            async with ROLES[name](settings, log) as role:
                groups[name] = vars(role)["_policy"].group
    assert groups == {name: f"{prefix}-{name}" for name in groups}
