"""
POST /events: the token, the document parsed, then a job of RQ.
Environment: BENCH_TOKEN, BENCH_REDIS_PORT.
"""

import hmac
import os

from flask import Flask, abort, request
from redis import Redis
from rq import Queue

EXPECTED = f"Bearer {os.environ['BENCH_TOKEN']}"

app = Flask(__name__)
queue = Queue(connection=Redis("127.0.0.1", int(os.environ["BENCH_REDIS_PORT"])))


@app.post("/events")
def take_event():
    given = request.headers.get("Authorization", "")
    if not hmac.compare_digest(given.encode(), EXPECTED.encode()):
        abort(401)
    event = request.get_json()
    if not isinstance(event, dict) or not isinstance(event.get("title"), str):
        abort(422)
    job = queue.enqueue("deliveries.deliver", event)
    return {"id": job.id, "feed": "bench", "status": "queued"}, 202
