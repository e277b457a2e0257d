"""The flows of the load generator, as Celery's users would write them, and the worker's app.

A step is one `update_state`: it stores the line and the result, and Celery's Redis backend tells them to whoever has
subscribed to the task.
"""

import os
import time

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
app = Celery("tasks")
app.config_from_object("django.conf:settings", namespace="CELERY")


def in_steps(task, steps, run):
    results = []
    for number in range(1, steps + 1):
        run(number)
        name = f"Step {number}"
        results.append({"type": "log", "message": "Nothing to do"})
        results.append({"type": "tool_result", "step_name": name, "tool": "nothing", "data": {"step": number}})
        meta = {"status": name, "progress": 100 * number // steps, "step_results": results}
        task.update_state(state="PROGRESS", meta=meta)
    return {"step_results": results, "final_result": steps}


@app.task(bind=True, name="bench_flow")
def bench_flow(self, steps=5):
    return in_steps(self, steps, lambda number: None)


@app.task(bind=True, name="slow_flow")
def slow_flow(self, steps=10, step_ms=200):
    def run(number):
        if path := os.environ.get("STEP_LOG"):
            with open(path, "a") as log:
                log.write(f"{self.request.id} {number} {os.getpid()}\n")
        time.sleep(step_ms / 1000)

    return in_steps(self, steps, run)


@app.task(bind=True, name="ticker_flow")
def ticker_flow(self, hz=10.0, secs=10.0):
    began, ticks = time.monotonic(), round(hz * secs)
    for tick in range(1, ticks + 1):
        time.sleep(max(0.0, began + tick / hz - time.monotonic()))
        meta = {"status": f"t={time.time():.6f}", "progress": 99 * tick // ticks}
        self.update_state(state="PROGRESS", meta=meta)
    return {"final_result": ticks}
