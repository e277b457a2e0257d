"""The web process: starts tasks, and tells each watcher every state of its task.

Nobody polls. Celery's Redis backend publishes what it stores; one subscription for the whole process hears all of it,
and each state is made into bytes once for all who watch that task. A watcher is put down before the stored state is
read, so that nothing can fall in between.
"""

import asyncio
import json
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")

import redis.asyncio
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import JsonResponse, StreamingHttpResponse
from django.urls import path

from tasks import app, bench_flow, slow_flow, ticker_flow

FLOWS = {task.name: task for task in (bench_flow, slow_flow, ticker_flow)}
KEY = "celery-task-meta-"
ENDED = {"SUCCESS", "FAILURE", "REVOKED"}

stored = redis.asyncio.Redis.from_url(settings.REDIS_URL)
watchers: dict[str, set[asyncio.Queue]] = {}
hearing: asyncio.Task | None = None


def said(meta):
    """The bytes for a watcher, and whether they are the last."""
    state, result = meta["status"], meta["result"]
    details = result if isinstance(result, dict) else {"error": str(result)}
    data = json.dumps({"state": state, "details": details}, separators=(",", ":"))
    return f"data: {data}\n\n".encode(), state in ENDED


async def hear(pubsub):
    async for message in pubsub.listen():
        if message["type"] != "pmessage":
            continue
        queues = watchers.get(message["channel"].decode().removeprefix(KEY))
        if queues:
            told = said(json.loads(message["data"]))
            for queue in queues:
                queue.put_nowait(told)


async def hear_all():
    global hearing
    if hearing is None:
        pubsub = stored.pubsub()
        await pubsub.psubscribe(f"{KEY}*")
        await pubsub.get_message(timeout=5)
        hearing = asyncio.create_task(hear(pubsub))


async def stream(task_id):
    queue = asyncio.Queue()
    watchers.setdefault(task_id, set()).add(queue)
    try:
        meta = await stored.get(f"{KEY}{task_id}")
        data, ended = said(json.loads(meta) if meta else {"status": "PENDING", "result": {}})
        yield data
        while not ended:
            data, ended = await queue.get()
            yield data
    finally:
        queues = watchers[task_id]
        queues.discard(queue)
        if not queues:
            del watchers[task_id]


async def start_task(request):
    body = json.loads(request.body)
    # One command to a Redis nearby: sooner done here than in a thread.
    task = FLOWS[body["flow"]].apply_async(kwargs=body.get("inputs") or {})
    return JsonResponse({"task_id": task.id})


async def task_status(request, task_id):
    await hear_all()
    response = StreamingHttpResponse(stream(task_id), content_type="text/event-stream")
    response["Cache-Control"] = "no-cache, no-transform"
    return response


async def stats(request):
    queued, taken = await asyncio.gather(stored.llen("celery"), stored.hlen("unacked"))
    rows = (("queued", queued), ("running", taken))
    return JsonResponse({"tasks": [{"flow": "bench_flow", "state": state, "count": count} for state, count in rows]})


async def readyz(request):
    await stored.ping()
    return JsonResponse({"ready": True})


urlpatterns = [
    path("start-task", start_task),
    path("task-status/<task_id>", task_status),
    path("stats", stats),
    path("readyz", readyz),
]
application = get_asgi_application()
