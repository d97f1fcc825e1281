import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from tocsin.demo import PartFailed
from tocsin.demo.live import Study, _import_aside, _part
from tocsin_models.training import Progress


async def breaks(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


async def comes_back() -> None:
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    "error", [ValueError("no such thing"), ExceptionGroup("many", [ValueError("no such thing")])]
)
async def test_a_part_that_fails_says_which_it_is_and_why(error: Exception) -> None:
    with pytest.raises(PartFailed, match=r"^the sink failed: ValueError: no such thing$"):
        await _part("the sink", breaks(error), asyncio.Event())


async def test_a_part_that_ends_by_itself_has_failed_unless_it_was_told_to_end() -> None:
    stop = asyncio.Event()
    with pytest.raises(PartFailed, match="the sink ended before it was told to"):
        await _part("the sink", comes_back(), stop)
    stop.set()
    await _part("the sink", comes_back(), stop)


async def test_a_module_is_imported_while_others_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_module.py").write_text("import time\ntime.sleep(0.3)\nANSWER = 42\n")
    (tmp_path / "broken_module.py").write_text("raise ValueError('no torch here')\n")
    monkeypatch.syspath_prepend(tmp_path)
    stop, turns = asyncio.Event(), 0
    importing = asyncio.create_task(_import_aside("slow_module", stop))
    while not importing.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert turns > 5
    assert importing.result().ANSWER == 42
    with pytest.raises(ValueError, match="no torch here"):
        await _import_aside("broken_module", stop)


async def test_nobody_waits_for_an_import_who_is_told_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slower_module.py").write_text("import time\ntime.sleep(2)\n")
    monkeypatch.syspath_prepend(tmp_path)
    stop = asyncio.Event()
    stop.set()
    async with asyncio.timeout(1):
        assert await _import_aside("slower_module", stop) is None


def test_a_fit_has_a_share_only_while_it_says_so() -> None:
    study = Study()
    assert study.share() is None
    study.take("pump", Progress(3, 12, 0.1, 0.1, 0.1))
    assert study.share() == 0.25


def test_the_demo_comes_without_torch_until_it_learns() -> None:
    code = "import sys, tocsin.demo, tocsin.cli.watching; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
