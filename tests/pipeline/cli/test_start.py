"""The program, from its first moment on."""

import subprocess
import sys

LOAD = """
import sys

class Interrupting:
    def find_spec(self, name, *_):
        if name == "typer":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
from tocsin.cli import main
main()
"""


def test_a_ctrl_c_while_it_loads_ends_it_without_a_word() -> None:
    found = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (130, b"", b"")
