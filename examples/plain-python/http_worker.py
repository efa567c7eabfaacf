"""A worker for HAIF in plain Python: it fetches tasks over HTTP, runs them, and reports.

HAIF_TOKEN is a token with the scope `worker`: haif token create --tenant acme --scope worker
"""
import json, os, sys, threading, time, urllib.error, urllib.request

URL = os.environ.get("HAIF_URL", "http://127.0.0.1:8080")
ME = os.environ.get("HAIF_WORKER", "python-1")
HEADERS = {
    "authorization": f"Bearer {os.environ.get('HAIF_TOKEN', '')}",
    "content-type": "application/json",
}


def call(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(URL + path, data, HEADERS)) as response:
        return json.load(response)


def run(inputs):
    """What a task does: here it counts the words of its `stdin`."""
    return {"json": {"words": len(inputs.get("stdin", "").split())}}


def beat(seconds):
    while True:
        time.sleep(seconds)
        call(f"/v1/workers/{ME}/heartbeat", {"health": "healthy"})


registered = call("/v1/workers/register", {"worker_id": ME, "tools": ["count-words"]})
seconds = registered["heartbeat_interval_seconds"]
threading.Thread(target=beat, args=[seconds], daemon=True).start()

left = int(sys.argv[1]) if len(sys.argv) > 1 else -1  # so many tasks, or for ever
while left != 0:
    assignments = call(f"/v1/workers/{ME}/assignments?max_tasks=1")["assignments"]
    for task in assignments:
        report = {key: task[key] for key in ("job_id", "task_id", "lease_id")}
        try:
            report |= {"status": "Completed", "output": run(task["inputs"])}
        except Exception as error:
            report |= {"status": "Failed", "error": repr(error)}
        try:
            call("/v1/tasks/report", {"worker_id": ME, **report})
        except urllib.error.HTTPError as refused:
            if refused.code != 409:  # 409: the task was canceled, or is somebody else's by now
                raise
        print(report["status"], task["task_id"], flush=True)
        left -= 1
    if not assignments:
        time.sleep(0.2)
