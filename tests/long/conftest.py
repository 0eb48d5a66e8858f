"""The fixtures of the integration tests, for runs that take minutes."""

from tests.integration.conftest import chance, redis_server

__all__ = ["chance", "redis_server"]
