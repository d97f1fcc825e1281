"""What Docker asks of a container: docker/healthy.py, as a program."""

import http.server
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from compose import DOCKER
from servers.servers import free_ports


def check(target: str) -> int:
    command = [sys.executable, "-I", str(DOCKER / "healthy.py"), target]
    return subprocess.run(command, check=False, timeout=30).returncode


@pytest.mark.skipif(sys.platform != "linux", reason="containers are Linux")
def test_a_connection_that_stands_is_a_good_sign_and_one_that_is_over_is_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert check(f"kafka:{port}") == 1
        with socket.create_connection(("127.0.0.1", port)):
            assert check(f"kafka:{port}") == 0
        assert check(f"kafka:{port}") == 1


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def page() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_page_that_answers_is_well(page: str) -> None:
    assert check(f"{page}/healthz") == 0


def test_a_page_that_complains_is_not_well(page: str) -> None:
    assert check(f"{page}/other") == 1


def test_a_page_that_is_not_there_is_not_well() -> None:
    (port,) = free_ports(1)
    assert check(f"http://127.0.0.1:{port}/healthz") == 1
