"""Leader election beside a program without asyncio."""

import asyncio
import logging
import threading
from collections.abc import Generator
from contextlib import contextmanager

from .connection import Endpoint, Patience
from .election import Candidate
from .store import AsyncNullStore, AsyncRedisStore

log = logging.getLogger(__name__)


@contextmanager
def in_background(candidate: Candidate, endpoint: Endpoint | None) -> Generator[Candidate]:
    """Let a candidate run beside a program without asyncio, in a thread; it hands over when the block ends.

    Args:
        candidate: whose `on_event` is called in that thread; what it raises ends the candidacy, is logged at once, and
            raised when the block ends well.
        endpoint: of Redis; None when there is none and only one server.
    """
    started = threading.Event()
    tasks: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []
    failures: list[Exception] = []

    async def stand() -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append((asyncio.get_running_loop(), task))
        started.set()
        if endpoint is None:
            await candidate.run(AsyncNullStore())
            return
        client = endpoint.async_client(Patience(tries=1))
        try:
            await candidate.run(AsyncRedisStore(client))
        finally:
            await client.aclose()

    def work() -> None:
        try:
            asyncio.run(stand())
        except asyncio.CancelledError:
            pass
        except Exception as error:
            log.exception("candidate %s stands no more", candidate.owner)
            failures.append(error)

    thread = threading.Thread(target=work, name=f"candidate {candidate.owner}", daemon=True)
    thread.start()
    started.wait()
    try:
        yield candidate
    finally:
        loop, task = tasks[0]
        if thread.is_alive() and not loop.is_closed():
            loop.call_soon_threadsafe(task.cancel)
        thread.join()
    if failures:
        raise failures[0]
