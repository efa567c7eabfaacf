"""
Calls the function of a bundle, again and again, for the worker outside of the sandbox: requests
come on descriptor 3, frames go out on descriptor 4. It is not to be trusted more than the function,
which may do with it as it likes; the worker looks at all that comes.

What few functions need is imported by those: asyncio alone takes longer than the rest of a start.
"""

import json
import os
import struct
import sys
from _thread import allocate_lock
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CoroutineType, GeneratorType, ModuleType

BUNDLE = "/bundle"
CHUNK = 256 * 1024
SECRETS = "/scratch/secrets"


def send(kind, payload=b""):
    data = struct.pack(">cI", kind, len(payload)) + payload
    while data:
        data = data[os.write(4, data):]


def receive(count):
    parts = []
    while count:
        part = os.read(3, min(count, 1 << 20))
        if not part:
            os._exit(0)  # the worker has gone, or needs this process no more
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


class CallFailed(Exception):
    """What has become of a call of another function; `code` is one of the mesh's."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


calling = allocate_lock()  # a reply belongs to the call before it


def call(name, arguments=None, **named):
    wish = {"object": name, "arguments": {**(arguments or {}), **named}}
    payload = json.dumps(wish, allow_nan=False).encode()
    if len(payload) > 1 << 20:
        raise ValueError("the arguments of a call may have 1 MiB at most")
    with calling:
        send(b"c", payload)
        (length,) = struct.unpack(">Q", receive(8))
        reply = json.loads(receive(length))
    if "error" in reply:
        raise CallFailed(reply["error"]["code"], reply["error"]["message"])
    return reply["value"]


def secret(name):
    try:
        with open(f"{SECRETS}/{name}", encoding="utf-8") as file:
            return file.read()
    except OSError:
        raise KeyError(f"the function does not name the secret {name}") from None


def offer():
    """`import haif` inside of a function: what it may ask for while it runs."""
    module = ModuleType("haif")
    module.call, module.secret, module.CallFailed = call, secret, CallFailed
    sys.modules["haif"] = module


def keep_secrets(secrets):
    os.makedirs(SECRETS, 0o700, exist_ok=True)
    for name, value in secrets.items():
        with open(f"{SECRETS}/{name}", "w", encoding="utf-8") as file:
            file.write(value)


def load(module, entry):
    path = os.path.join(BUNDLE, module)
    name = os.path.splitext(module)[0].replace("/", ".")
    loader = SourceFileLoader(name, path)
    loaded = ModuleType(name)
    loaded.__file__ = path
    loaded.__loader__ = loader
    loaded.__package__ = name.rpartition(".")[0]
    loaded.__spec__ = ModuleSpec(name, loader, origin=path)
    sys.modules[name] = loaded
    loader.exec_module(loaded)
    function = loaded
    for part in entry.split("."):
        function = getattr(function, part)
    return function


def send_files(folder):
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            path = os.path.join(parent, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            send(b"f", os.path.relpath(path, folder).encode("utf-8", "replace"))
            with open(path, "rb") as file:
                while chunk := file.read(CHUNK):
                    send(b"d", chunk)


def failure(kind, error):
    about = {"kind": kind, "type": type(error).__name__, "message": str(error)[:1000]}
    send(b"x", json.dumps(about).encode())
    try:
        import traceback

        traceback.print_exc()
    except MemoryError:
        pass  # the frames of the error still hold what took it


def run(function, arguments):
    try:
        value = function(**arguments)
        if isinstance(value, CoroutineType):
            import asyncio

            value = asyncio.run(value)
        elif isinstance(value, GeneratorType):
            value = list(value)
    except SystemExit as error:
        return failure("exited", error)
    except BaseException as error:
        return failure("raised", error)
    try:
        text = json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        return failure("not_json", error)
    send_files("out")
    for at in range(0, len(text), CHUNK):
        send(b"v", text[at:at + CHUNK])


def remove(folder):
    """While the result is on its way; the next request waits for it."""
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def serve(module, entry):
    os.closerange(5, 256)  # nothing of whoever started this is the function's
    sys.path.insert(0, BUNDLE)
    offer()
    function = None
    number = 0
    send(b"y")
    while True:
        (length,) = struct.unpack(">Q", receive(8))
        request = json.loads(receive(length))
        number += 1
        folder = f"/scratch/{number}"
        os.makedirs(f"{folder}/out")
        if request.get("secrets"):
            keep_secrets(request["secrets"])
        os.makedirs("/scratch/tmp", exist_ok=True)
        os.chdir(folder)
        try:
            function = function or load(module, entry)
        except BaseException as error:
            failure("raised", error)
        else:
            run(function, request["arguments"])
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.write(request["mark"])
                stream.flush()
            except (OSError, ValueError):
                pass  # the function has closed it
        os.chdir("/")
        if request.get("secrets"):
            remove(SECRETS)
        send(b"z")
        remove(folder)


serve(sys.argv[1], sys.argv[2])
