"""Calls of a mesh over HTTP: publish, call, look."""

import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request

from .bundle import bundle_of, bundle_text
from .signing import load_seed, seal

ENDS = ("Completed", "Failed", "Canceled", "Archived")
WAIT_MS = 60_000
ANSWER_SECONDS = 30


class HaifError(Exception):
    """What a mesh has refused, or what a run has come to. `code` is the API, the message is for people."""

    def __init__(self, code, message, status=None, details=None):
        super().__init__(message)
        self.code = code
        self.status = status
        self.details = details or {}


CallFailed = HaifError


def call(name, arguments=None, **named):
    """
    Inside of a function that runs on the mesh: calls another one, within the rights and the time
    of the run. Elsewhere, as when it is tried out: the same with a client.
    """
    return Client().call(name, {**(arguments or {}), **named}).output


def secret(name):
    """Inside of a function that runs on the mesh: a secret that it names. Elsewhere: a variable."""
    return os.environ[name]


class Result:
    """What a run has returned. `output` is the plain value, `value` has it by the names of outputs."""

    def __init__(self, run, output):
        self.run_id = run["run_id"]
        self.run = run
        self.output = output
        is_whole = run["subject"]["kind"] == "pipeline" and isinstance(output, dict)
        self.value = output if is_whole else {"default": output}
        self.mode = "server"
        nodes = run.get("nodes", [])
        self.machine = next((n["machine"] for n in nodes if n.get("machine")), None)
        self.stdout = "".join(n.get("stdout", "") for n in nodes)
        self.stderr = "".join(n.get("stderr", "") for n in nodes)
        self.artifacts = [artifact for node in nodes for artifact in node.get("artifacts", [])]

    def __repr__(self):
        return f"Result({self.output!r})"


class Run:
    """A run that goes on, whoever waits for it."""

    def __init__(self, client, view):
        self._client = client
        self._view = view
        self.id = view["run_id"]

    @property
    def status(self):
        self._view = self._client._get(f"/v1/runs/{self.id}")
        return self._view["status"]

    def collect(self, timeout_seconds=None):
        """Waits until it has ended; raises HaifError where it has failed."""
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        pause = 0.05
        while self.status not in ENDS:
            if deadline is not None and time.monotonic() > deadline:
                raise HaifError("DEADLINE_EXCEEDED", f"{self.id} still runs")
            time.sleep(pause)
            pause = min(1.0, pause * 1.5)
        return self._client._result(self._view)

    def cancel(self):
        self._view = self._client._post(f"/v1/runs/{self.id}/cancel")

    def retry(self):
        self._view = self._client._post(f"/v1/runs/{self.id}/retry")

    def __repr__(self):
        return f"Run({self.id}, {self._view['status']})"


class Libraries:
    def __init__(self, client):
        self._client = client

    def create(self, name, display_name=None, visibility=None, policy=None):
        wish = {"library": name, "display_name": display_name, "visibility": visibility, "policy": policy}
        return self._client._post("/v1/libraries", _given(wish))

    def grant(self, name, to, scopes):
        wish = {"library": name, "to": to, "scopes": list(scopes)}
        return self._client._post("/v1/libraries/grants", wish)

    def list(self):
        return self._client._get("/v1/libraries")["libraries"]


class Client:
    """
    A mesh at an address: `HAIF_URL`, else this machine. `token` is `HAIF_TOKEN` unless given; a mesh
    on one's own machine needs none.
    """

    def __init__(self, url=None, token=None, key_file=None):
        self.url = (url or os.environ.get("HAIF_URL") or "http://127.0.0.1:8080").rstrip("/")
        self._token = token or os.environ.get("HAIF_TOKEN")
        self._key_file = key_file
        self.library = Libraries(self)

    def publish(self, what, name=None, library=None, display_name=None, dependencies=None):
        """A function, or what `render` has made of some. The same again is no new version."""
        if hasattr(what, "publish_with"):
            return what.publish_with(self, name=name, library=library, display_name=display_name)
        bundle = bundle_of(what, dependencies)
        return self._publish(bundle, name or what.__name__, library, display_name)

    def _publish(self, bundle, name, library=None, display_name=None):
        text = bundle_text(bundle)
        _, sealed = seal(text, load_seed(self._key_file))
        wish = {"name": name, "library": library, "display_name": display_name}
        return self._post("/v1/objects", {**_given(wish), "bundle": text, "seal": sealed})

    def call(self, name, kwargs=None, timeout_seconds=None, output=None, **how):
        """Runs it and waits for what it returns. `how`: as for `submit`."""
        started = time.monotonic()
        wait_ms = WAIT_MS if timeout_seconds is None else min(WAIT_MS, int(timeout_seconds * 1000))
        view = self._start(name, kwargs, wait_ms=wait_ms, **how)
        run = Run(self, view)
        if view["status"] in ENDS:
            result = self._result(view)
        else:
            left = None if timeout_seconds is None else timeout_seconds - (time.monotonic() - started)
            result = run.collect(left)
        if output is not None and isinstance(result.output, dict) and output in result.value:
            result.output = result.value[output]
        return result

    def submit(self, name, kwargs=None, output=None, **how):
        """
        Begins a run. `how`: `owner`, `library`, `version`, `function` (of a pipeline), `machine` or
        `target_machine`, `offline_policy` (`queue`, `wait`, `fail_fast`), `retries`, `key`.
        """
        return Run(self, self._start(name, kwargs, **how))

    def _start(
        self,
        name,
        kwargs,
        wait_ms=0,
        owner=None,
        library=None,
        version=None,
        function=None,
        machine=None,
        target_machine=None,
        offline_policy=None,
        retries=None,
        key=None,
    ):
        run = {
            "object": reference(name, owner, library, version, function),
            "arguments": kwargs or {},
            "machine": machine or target_machine,
            "offline_policy": offline_policy,
            "retries": retries,
            "wait_ms": wait_ms or None,
        }
        headers = {} if key is None else {"idempotency-key": key}
        answer = ANSWER_SECONDS + wait_ms / 1000
        return self._post("/v1/runs", _given(run), headers=headers, timeout=answer)

    def _result(self, view):
        if view["status"] != "Completed":
            error = view.get("error") or {}
            message = error.get("message", f"the run is {view['status']}")
            raise HaifError(error.get("code", "CANCELLED"), message, details={"run": view})
        if "result_artifact" in view:
            found = json.loads(self._send("GET", f"/v1/runs/{view['result_artifact']}"))
            is_whole = isinstance(found, dict) and "value" in found and "used" in found
            return Result(view, found["value"] if is_whole else found)
        return Result(view, view.get("result"))

    def artifact(self, artifact):
        """The bytes of one of `result.artifacts`."""
        return self._send("GET", f"/v1/runs/{artifact['path']}")

    def objects(self, **query):
        return self._get("/v1/objects", query)["objects"]

    def describe(self, name, owner=None, library=None, version=None, source=False):
        query = {"source": "1"} if source else {}
        return self._get(f"/v1/objects/{reference(name, owner, library, version)}", query)

    def signature(self, name, **where):
        return self.describe(name, **where)["signature"]

    def inputs(self, name, **where):
        return self.signature(name, **where)["inputs"]

    def outputs(self, name, **where):
        return self.signature(name, **where)["outputs"]

    def libraries(self):
        return self.library.list()

    def runs(self, **query):
        return self._get("/v1/runs", query)["runs"]

    def run_show(self, run_id):
        return self._get(f"/v1/runs/{run_id}")

    def health(self):
        return self._get("/healthz")

    def export_bundle(self, name, **where):
        """The bundle with its seal, as `import_bundle` takes it."""
        found = self.describe(name, source=True, **where)
        return {"name": found["name"], "kind": found["kind"], "bundle": found["source"]}

    def import_bundle(self, exported, name=None, library=None):
        """Publishes it here, signed by whoever imports it."""
        return self._publish(json.loads(exported["bundle"]), name or exported["name"], library)

    def _get(self, path, query=None):
        given = _given(query or {})
        asked = f"?{urllib.parse.urlencode(given)}" if given else ""
        return _parsed(self._send("GET", path + asked))

    def _post(self, path, body=None, headers=None, timeout=ANSWER_SECONDS):
        return _parsed(self._send("POST", path, body or {}, headers, timeout))

    def _send(self, method, path, body=None, headers=None, timeout=ANSWER_SECONDS):
        data = None if body is None else json.dumps(body, allow_nan=False).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("accept", "application/json")
        if data is not None:
            request.add_header("content-type", "application/json")
        if self._token:
            request.add_header("authorization", f"Bearer {self._token}")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return response.read()
        except urllib.error.HTTPError as error:
            raise _failure(error) from None
        except urllib.error.URLError as error:
            message = f"{self.url} cannot be reached: {error.reason}; is the mesh up?"
            raise HaifError("NO_PEER", message) from error


def reference(name, owner=None, library=None, version=None, function=None):
    """`owner/library/name@version`; `pipeline::function` is a function of a pipeline."""
    text = f"{name}::{function}" if function else name
    text = text.replace("::", "__")
    if owner and not library:
        library = "main"
    path = "/".join(part for part in (owner, library, text) if part)
    return path if version in (None, "latest") else f"{path}@{version}"


def _failure(error):
    body = error.read()
    try:
        said = json.loads(body)
    except ValueError:
        return HaifError("INTERNAL", body.decode("utf-8", "replace")[:500], error.code)
    inner = said["error"] if isinstance(said.get("error"), dict) else said
    message = inner.get("message") or inner.get("error") or f"HTTP {error.code}"
    return HaifError(inner.get("code", "INTERNAL"), message, error.code, inner.get("details"))


def _given(fields):
    return {name: value for name, value in fields.items() if value is not None}


def _parsed(body):
    return json.loads(body) if body else {}
