"""The tests' own redis-server is a real one and leaves nothing behind."""

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.support.redis_server import RedisServer


class TestRedisServer:
    async def test_keeps_what_it_is_given(self, local_redis: RedisServer) -> None:
        """A client of the library the program uses can write and read back."""
        async with Redis.from_url(local_redis.url) as client:
            await client.set("premium", "0.0123")

            assert await client.get("premium") == b"0.0123"

    async def test_an_outage_is_an_outage(self, local_redis: RedisServer) -> None:
        """A stopped server refuses connections, and comes back empty on the same port."""
        port = local_redis.port
        async with Redis.from_url(local_redis.url) as client:
            await client.set("premium", "0.0123")
        local_redis.stop()
        async with Redis.from_url(local_redis.url) as client:
            with pytest.raises(RedisConnectionError):
                await client.ping()

        local_redis.start()

        async with Redis.from_url(local_redis.url) as client:
            assert await client.get("premium") is None
        assert local_redis.port == port
