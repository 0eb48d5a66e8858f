"""Leader election beside a program without asyncio."""

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress

from .connection import Endpoint, Patience
from .election import Candidate
from .store import AsyncNullStore, AsyncRedisStore


@contextmanager
def in_background(candidate: Candidate, endpoint: Endpoint | None) -> Generator[Candidate]:
    """Let a candidate run beside a program without asyncio, in a thread; it hands over when the block ends.

    Args:
        candidate: whose `on_event` is called in that thread.
        endpoint: of Redis; None when there is none and only one server.
    """
    loop = asyncio.new_event_loop()
    started = threading.Event()
    tasks: list[asyncio.Task[None]] = []

    async def run() -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
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
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(run())
        loop.close()

    thread = threading.Thread(target=work, name=f"candidate {candidate.owner}", daemon=True)
    thread.start()
    started.wait()
    try:
        yield candidate
    finally:
        loop.call_soon_threadsafe(tasks[0].cancel)
        thread.join()
