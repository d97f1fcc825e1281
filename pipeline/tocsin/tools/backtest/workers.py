"""Work in several processes of one thread each, which end when nobody waits for them any more."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run_each(
    work: Callable[[T], R],
    items: Sequence[T],
    workers: int,
    prepare: Callable[[], None],
) -> Iterator[R]:
    """Give ``work(item)`` of each of the items as it comes.

    Args:
        work: A function that another process can import, or a ``partial`` of one.
        items: Plain values.
        workers: Processes at work at the same time.
        prepare: Called first in each of them; also a function that can be imported.

    Raises:
        RuntimeError: If a worker was killed; says what to do.
    """
    if not items:
        return
    workers, others = min(workers, len(items)), set(active_children())
    begin = (_prepare_worker, (prepare,))
    with _single_threads(), ProcessPoolExecutor(workers, get_context("spawn"), *begin) as pool:
        waiting: list[Future[R]] = [pool.submit(work, item) for item in items]
        try:
            for done in as_completed(waiting):
                yield done.result()
        except BrokenProcessPool:
            raise RuntimeError(
                "a worker was killed, perhaps for want of memory: run it again with fewer --jobs, "
                "and it goes on where it was"
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            if not all(each.done() for each in waiting):
                for worker in set(active_children()) - others:
                    worker.terminate()  # or leaving would wait for what nobody wants any more


@contextmanager
def _single_threads() -> Iterator[None]:
    """Let processes that are begun meanwhile load their libraries for one thread each."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ |= dict.fromkeys(_THREADS, "1")
    try:
        yield
    finally:
        for name, value in before.items():
            del os.environ[name]
            if value is not None:
                os.environ[name] = value


def _prepare_worker(prepare: Callable[[], None]) -> None:
    """Let a worker end with its parent, and at once when interrupted, unless both ignore that."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    prepare()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
