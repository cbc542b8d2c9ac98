"""The same as a FastAPI route, asynchronous to Redis."""

from typing import Annotated, Any

import redis.asyncio
from fastapi import FastAPI, Header
from fastapi.responses import JSONResponse

from benchmarks.polls.servers.answers import REDIS_URL, answer, claims_of, keys, refusal

application = FastAPI()
client: Any = redis.asyncio.Redis.from_url(REDIS_URL)


@application.get("/meetings/{meeting_id}/sync_status")
async def sync_status(meeting_id: int, authorization: Annotated[str, Header()]) -> JSONResponse:
    claims = claims_of(authorization)
    if claims is None:
        status, body = refusal()
    else:
        status, body = answer(claims, await client.mget(keys(claims, meeting_id)))
    return JSONResponse(body, status)
