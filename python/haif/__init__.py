"""Functions and pipelines on the machines of a HAIF mesh: publish once, call by name from anywhere."""

from .bundle import function
from .client import Client, HaifError, Result, Run
from .pipeline import Deployment, NodeRemote, infer, lift

__all__ = [
    "Client",
    "Deployment",
    "HaifError",
    "NodeRemote",
    "Result",
    "Run",
    "function",
    "infer",
    "lift",
]
