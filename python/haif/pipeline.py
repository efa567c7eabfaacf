"""
Pipelines: functions, objects of the catalogue, inference and plain values, bound to each other.
Inputs that nobody binds are inputs of the pipeline; those of one name share a value.
"""

import inspect

from .bundle import bundle_of


class Node:
    """One step. `bind` and `alias` return a changed copy, so a node can be used again."""

    def __init__(self, bindings=None, name=None):
        self.bindings = dict(bindings or {})
        self.name = name

    def bind(self, **inputs):
        unknown = [name for name in inputs if self.ports is not None and name not in self.ports]
        if unknown:
            raise ValueError(f"{self.title} has no input {unknown[0]}: it has {', '.join(self.ports)}")
        return self._copy(bindings={**self.bindings, **inputs})

    def alias(self, name):
        return self._copy(name=name)

    def render(self, name):
        return Pipeline(name, self)


class FunctionNode(Node):
    def __init__(self, callee, bindings=None, name=None, machine=None):
        super().__init__(bindings, name)
        self.callee = callee
        self.machine = machine
        self.title = callee.__name__
        self.ports = list(inspect.signature(callee).parameters)

    def on(self, machine):
        return FunctionNode(self.callee, self.bindings, self.name, machine)

    def _copy(self, **changes):
        kept = {"bindings": self.bindings, "name": self.name, "machine": self.machine}
        return FunctionNode(self.callee, **{**kept, **changes})


class NodeRemote(Node):
    """An object of the catalogue, one's own or somebody else's."""

    def __init__(
        self,
        name=None,
        version="latest",
        owner=None,
        library=None,
        target_machine=None,
        pipeline=None,
        function=None,
        client=None,
        bindings=None,
        alias=None,
        ports=None,
    ):
        super().__init__(bindings, alias)
        self.object = f"{pipeline}__{function}" if pipeline and function else name or pipeline
        self.version, self.owner, self.library = version, owner, library
        self.machine = target_machine
        self.client = client
        self.title = self.object
        self.ports = ports

    @classmethod
    def locate(cls, name=None, client=None, **where):
        """Looks it up, so that a name that is wrong is known now; its inputs are its ports."""
        node = cls(name=name, client=client, **where)
        found = client.describe(node.object, node.owner, node.library, node.version)
        return node._copy(ports=[port["name"] for port in found["signature"]["inputs"]])

    def _copy(self, bindings=None, name=None, ports=None):
        return NodeRemote(
            self.object,
            self.version,
            self.owner,
            self.library,
            self.machine,
            client=self.client,
            bindings=self.bindings if bindings is None else bindings,
            alias=self.name if name is None else name,
            ports=self.ports if ports is None else ports,
        )


class InferNode(Node):
    """A model of the mesh: `prompt` in, its text out."""

    title = "infer"
    ports = ["prompt"]

    def __init__(self, options, bindings=None, name=None):
        super().__init__(bindings, name)
        self.options = options
        self.machine = None

    def _copy(self, **changes):
        return InferNode(self.options, **{"bindings": self.bindings, "name": self.name, **changes})


def lift(callee):
    """A node that calls the function."""
    return FunctionNode(callee)


def infer(model=None, system=None, max_tokens=None, temperature=None):
    """A node that asks a model."""
    given = {"model": model, "system": system, "max_tokens": max_tokens, "temperature": temperature}
    return InferNode({name: value for name, value in given.items() if value is not None})


class Pipeline:
    def __init__(self, name, last):
        self.name = name
        self.nodes = {}
        self._ids = {}
        self.last = self._collect(last, [])

    def _collect(self, node, above):
        """Depth first, so that what a node needs stands before it."""
        if id(node) in above:
            raise ValueError(f"{node.title} needs itself")
        known = self._ids.get(id(node))
        if known:
            return known
        for bound in node.bindings.values():
            if isinstance(bound, Node):
                self._collect(bound, [*above, id(node)])
        base = node.name or node.title
        name, number = base, 2
        while name in self.nodes:
            name, number = f"{base}_{number}", number + 1
        self.nodes[name] = node
        self._ids[id(node)] = name
        return name

    def functions(self):
        found = {}
        for name, node in self.nodes.items():
            if not isinstance(node, FunctionNode):
                continue
            title = node.title
            if found.setdefault(title, node.callee) is not node.callee:
                raise ValueError(f"two functions of the pipeline are called {title}")
        return found

    def bundle(self, references):
        """`references`: of the functions, by their names."""
        nodes = []
        for name, node in self.nodes.items():
            inputs = {port: self._bound(value) for port, value in node.bindings.items()}
            written = {"id": name, "inputs": inputs}
            if isinstance(node, InferNode):
                written.update(kind="infer", **node.options)
            elif isinstance(node, FunctionNode):
                written.update(kind="object", object=references[node.title])
            else:
                path = "/".join(p for p in (node.owner, node.library, node.object) if p)
                version = "" if node.version == "latest" else f"@{node.version}"
                written.update(kind="object", object=path + version)
            if node.machine:
                written["machine"] = node.machine
            nodes.append(written)
        return {"haif": 1, "kind": "pipeline", "nodes": nodes, "output": self.last}

    def _bound(self, value):
        return {"node": self._ids[id(value)]} if isinstance(value, Node) else {"value": value}

    def publish_with(self, client, name=None, library=None, display_name=None):
        title = name or self.name
        references = {}
        for callee_name, callee in self.functions().items():
            made = client._publish(bundle_of(callee), f"{title}__{callee_name}", library)["object"]
            path = f"{made['owner']}/{made['library']}/{made['name']}"
            references[callee_name] = f"{path}@{made['version']['number']}"
        return client._publish(self.bundle(references), title, library, display_name)


class Deployment:
    """Runs a pipeline in this process; objects of the catalogue run where their client says."""

    def __init__(self, pipeline):
        self.pipeline = pipeline

    def run(self, output=None, **inputs):
        values = {}
        for name, node in self.pipeline.nodes.items():
            arguments = {}
            for port, bound in node.bindings.items():
                is_node = isinstance(bound, Node)
                arguments[port] = values[self.pipeline._ids[id(bound)]] if is_node else bound
            for port in node.ports or []:
                if port not in arguments and port in inputs:
                    arguments[port] = inputs[port]
            values[name] = _called(node, arguments)
        return values[output or self.pipeline.last]


def _called(node, arguments):
    if isinstance(node, FunctionNode):
        return node.callee(**arguments)
    if isinstance(node, InferNode) or node.client is None:
        raise ValueError(f"{node.title} runs in a mesh: publish the pipeline, and call it")
    where = {"owner": node.owner, "library": node.library, "version": node.version}
    return node.client.call(node.object, arguments, machine=node.machine, **where).output
