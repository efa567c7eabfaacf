"""Map-reduce over documents as a job, with nothing but Python: one task each, and one over all."""
import json, os, sys, urllib.request

URL = os.environ.get("HAIF_URL", "http://127.0.0.1:8080")
MODEL = os.environ.get("HAIF_MODEL", "haif-tiny")
HEADERS = {
    "authorization": f"Bearer {os.environ.get('HAIF_TOKEN', 'any')}",
    "content-type": "application/json",
}


def call(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    return urllib.request.urlopen(urllib.request.Request(URL + path, data, HEADERS))


documents = sys.argv[1:] or ["The sky is blue.", "The grass is green.", "Snow is white."]
job = json.load(call("/v1/jobs", {
    "input": documents,
    "tasks": [
        {"id": "read", "type": "llm_inference", "map": {"$from": "job.input"},
         "input": {"prompt": {"$concat": ["Sum up: ", {"$from": "item"}]}, "model": MODEL}},
        {"id": "report", "type": "llm_inference",
         "input": {"prompt": {"$concat": ["Put together:\n", {"$from": "read.text"}]},
                   "model": MODEL}},
    ],
}))["job_id"]

with call(f"/v1/jobs/{job}/stream") as events:
    for line in events:
        if line.startswith(b"event: job."):
            print(line.decode().split()[1])

result = json.load(call(f"/v1/jobs/{job}"))
print(result["status"], result["tasks"]["completed"], "of", result["tasks"]["total"], "tasks")
print(result["result"]["text"])
