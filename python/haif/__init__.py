"""Functions and pipelines on the machines of a HAIF mesh: publish once, call by name from anywhere."""

from .bundle import function
from .client import CallFailed, Client, HaifError, Result, Run, call, secret
from .pipeline import Deployment, NodeRemote, infer, lift

__all__ = [
    "CallFailed",
    "Client",
    "Deployment",
    "HaifError",
    "NodeRemote",
    "Result",
    "Run",
    "call",
    "function",
    "infer",
    "lift",
    "secret",
]
