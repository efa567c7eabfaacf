"""A client for HAIF in one file, with nothing but Python (3.9 or later): copy it.

    from haif_client import Haif
    haif = Haif("http://127.0.0.1:8080", token="haif_…")
    for text in haif.stream(prompt="What is HAIF?"):
        print(text, end="", flush=True)

It waits as Retry-After says and tries again, and goes on with streams that were cut: an answer by
its key of idempotency, which makes the same answer come again, and a job behind its last event.
"""
import json
import os
import sys
import time
import uuid
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

ENDS = {"job.completed", "job.failed", "job.canceled", "job.archived"}
# What may be better soon. A request is safe to repeat by its key.
RETRIED = {429, 502, 503}
CUT = (URLError, HTTPException, OSError)


class HaifError(Exception):
    """A reply that says no; `code` is one of docs/errors.md."""

    def __init__(self, status, body, headers):
        error = (body or {}).get("error") if isinstance(body, dict) else None
        told = error if isinstance(error, dict) else {"message": error, **(body or {})}
        super().__init__(told.get("message") or f"the server answered with {status}")
        self.status = status
        self.code = told.get("code", "")
        self.request_id = headers.get("x-request-id")
        self.retry_after_s = retry_after_s(headers.get("retry-after"))


class Haif:
    def __init__(self, url=None, token=None, retries=4, timeout_s=600):
        self.url = (url or os.environ.get("HAIF_URL", "http://127.0.0.1:8080")).rstrip("/")
        self.token = token or os.environ.get("HAIF_TOKEN")
        self.retries = retries
        self.timeout_s = timeout_s

    def infer(self, key=None, **body):
        """The whole answer: a dict with `output`, `usage`, `finish_reason`, …"""
        with self._call("POST", "/infer", body, key=key) as reply:
            return json.load(reply)

    def stream(self, key=None, **body):
        """Yields the text as it comes; the generator returns how it ended."""
        key, shown, cuts = key or str(uuid.uuid4()), 0, 0
        while True:
            seen = 0
            try:
                with self._call("POST", "/infer", {**body, "stream": True}, key=key) as reply:
                    for event, data, _ in _events(reply):
                        if event == "done":
                            return data
                        if event == "error":
                            raise HaifError(200, data, reply.headers)
                        if event != "token":
                            continue
                        # The same answer comes from its beginning: what was shown is passed over.
                        text = data["text"]
                        fresh = text[max(0, shown - seen):]
                        seen += len(text)
                        if fresh:
                            shown += len(fresh)
                            yield fresh
                raise HTTPException("the stream was cut")
            except CUT as error:
                if isinstance(error, HTTPError) or cuts >= self.retries:
                    raise
                time.sleep(wait_s(cuts, None))
                cuts += 1

    def submit_job(self, job, key=None):
        """The id of a new job, or of the one that the key made before."""
        with self._call("POST", "/v1/jobs", job, key=key) as reply:
            return json.load(reply)["job_id"]

    def job(self, job_id):
        with self._call("GET", f"/v1/jobs/{quote(job_id)}") as reply:
            return json.load(reply)

    def watch_job(self, job_id, after=None):
        """Yields (event, data) until the job has ended, each once."""
        cuts = 0
        while True:
            try:
                headers = {} if after is None else {"last-event-id": after}
                with self._call("GET", f"/v1/jobs/{quote(job_id)}/stream", headers=headers) as reply:
                    if reply.status == 204:
                        return
                    for event, data, event_id in _events(reply):
                        after, cuts = event_id or after, 0
                        yield event, data
                        if event in ENDS:
                            return
            except CUT as error:
                if isinstance(error, HTTPError) or cuts >= self.retries:
                    raise
            time.sleep(wait_s(cuts, None))
            cuts += 1

    def job_ended(self, job_id):
        """The job once it has ended, however it did."""
        for _ in self.watch_job(job_id):
            pass
        return self.job(job_id)

    def usage(self, **query):
        with self._call("GET", "/v1/usage?" + urlencode(query)) as reply:
            return json.load(reply)

    def _call(self, method, path, body=None, key=None, headers=None):
        headers = dict(headers or {})
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["content-type"] = "application/json"
            headers["idempotency-key"] = key or str(uuid.uuid4())
        for tries in range(self.retries + 1):
            wanted = None
            try:
                request = Request(self.url + path, data, headers, method=method)
                return urlopen(request, timeout=self.timeout_s)
            except HTTPError as error:
                with error:
                    if tries == self.retries or error.code not in RETRIED:
                        raise HaifError(error.code, _json(error.read()), error.headers) from None
                    wanted = retry_after_s(error.headers.get("retry-after"))
            except CUT:
                if tries == self.retries:
                    raise
            time.sleep(wait_s(tries, wanted))


def retry_after_s(header):
    """Seconds or a date; None where it is neither."""
    if not header:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def wait_s(tries, wanted):
    """What the server wants, within a minute, and otherwise twice as long each time."""
    return min(60.0, wanted) if wanted is not None else min(8.0, 0.5 * 2**tries)


def _json(raw):
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _events(reply):
    event, data, event_id = "message", [], None
    for raw in reply:
        line = raw.decode().rstrip("\r\n")
        if line == "":
            if data:
                yield event, json.loads("\n".join(data)), event_id
            event, data, event_id = "message", [], None
        elif line.startswith("event:"):
            event = line[6:].strip()
        elif line.startswith("data:"):
            data.append(line[5:].lstrip(" "))
        elif line.startswith("id:"):
            event_id = line[3:].strip()


if __name__ == "__main__":
    for piece in Haif().stream(prompt=" ".join(sys.argv[1:]) or "What is HAIF?",
                               model=os.environ.get("HAIF_MODEL", "haif-tiny")):
        print(piece, end="", flush=True)
    print()
