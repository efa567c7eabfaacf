"""
From a Python function to the bundle that a machine runs: its source with what it refers to in its
module, and its signature. The source is read and never run here.
"""

import ast
import builtins
import inspect
import json
import linecache
import re
import symtable
import textwrap

MODULE = "main.py"
_SCRIPT = re.compile(r"^# /// script\n((?:#(?: .*)?\n)*?)# ///$", re.MULTILINE)


class BundleError(ValueError):
    """The function cannot be published; the message says why."""


def function(callee=None, **options):
    """Marks a function that `haif fn publish` publishes. It stays the function that it is."""

    def mark(marked):
        marked.__haif__ = options
        return marked

    return mark if callee is None else mark(callee)


def bundle_text(bundle):
    """The same bundle is the same text, and so has the same hash."""
    return json.dumps(bundle, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def bundle_of(callee, dependencies=None):
    """The bundle of a function object."""
    try:
        own = textwrap.dedent(inspect.getsource(callee))
    except (OSError, TypeError) as error:
        raise BundleError(f"the source of {callee!r} cannot be found") from error
    name = callee.__name__
    if name == "<lambda>":
        raise BundleError("a lambda has no name: write it as a function")
    module = _module_source(callee)
    names = {node.name for node in ast.parse(module).body if _is_function(node)} if module else set()
    return bundle_from_source(module if name in names else own, name, dependencies)


def _module_source(callee):
    code = inspect.unwrap(callee).__code__
    return "".join(linecache.getlines(code.co_filename))


def bundle_from_source(source, name, dependencies=None):
    """The bundle of the function with that name of a module."""
    tree = ast.parse(source)
    found = next((n for n in tree.body if _is_function(n) and n.name == name), None)
    if found is None:
        raise BundleError(f"there is no function {name} at the top of the module")
    script = _script_of(source)
    pins = dependencies if dependencies is not None else script.get("dependencies", [])
    bundle = {
        "haif": 1,
        "kind": "function",
        "runtime": "python",
        "module": MODULE,
        "entry": name,
        "signature": signature_of(found),
        "files": {MODULE: sliced(source, tree, found)},
    }
    secrets = secrets_in(bundle["files"][MODULE])
    if secrets:
        bundle["secrets"] = secrets
    text = ast.get_docstring(found)
    if text:
        bundle["description"] = text[:4000]
    if pins:
        bundle["dependencies"] = sorted(pins)
    wanted = re.search(r"(\d+\.\d+)", script.get("requires-python", ""))
    if wanted:
        bundle["version"] = wanted.group(1)
    return bundle


def secrets_in(source):
    """Those that it asks for by their names: `haif.secret("API_KEY")`."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    asked = [node for node in calls if ast.unparse(node.func) == "haif.secret" and len(node.args) == 1]
    constants = [node.args[0] for node in asked if isinstance(node.args[0], ast.Constant)]
    return sorted({node.value for node in constants if isinstance(node.value, str)})


def functions_in(source):
    """Names of the functions that are marked; without marks of all that are public."""
    nodes = [node for node in ast.parse(source).body if _is_function(node)]
    marked = [node.name for node in nodes if any(_is_mark(each) for each in node.decorator_list)]
    return marked or [node.name for node in nodes if not node.name.startswith("_")]


def signature_of(node):
    """Inputs with types and defaults, and the output, as the source has them."""
    given = node.args
    if given.vararg or given.kwarg or given.posonlyargs:
        raise BundleError(f"{node.name} takes arguments without names: name each of them")
    first = len(given.args) - len(given.defaults)
    defaults = [None] * first + list(given.defaults) + list(given.kw_defaults)
    inputs = []
    for argument, default in zip(given.args + given.kwonlyargs, defaults):
        port = {"name": argument.arg}
        if argument.annotation is not None:
            port["type"] = _type_text(argument.annotation)
        if default is not None:
            port["optional"] = True
            try:
                value = ast.literal_eval(default)
                json.dumps(value, allow_nan=False)
                port["default"] = value
            except (TypeError, ValueError):
                pass  # the function has it when the argument is left out
        inputs.append(port)
    output = {"name": "default"}
    if node.returns is not None:
        output["type"] = _type_text(node.returns)
    return {"inputs": inputs, "outputs": [output]}


def _type_text(annotation):
    """A type in quotes is a type, too."""
    is_text = isinstance(annotation, ast.Constant) and isinstance(annotation.value, str)
    return (annotation.value if is_text else ast.unparse(annotation))[:256]


def sliced(source, tree, target):
    """The function, and of its module what it refers to, in the order of the module."""
    lines = source.splitlines()
    provided = {}
    for node in tree.body:
        for name in _names_made(node):
            provided.setdefault(name, []).append(node)
    wanted, waiting = {id(target)}, [target]
    while waiting:
        for name in _names_used(_text_of(waiting.pop(), lines)):
            for node in provided.get(name, []):
                if id(node) not in wanted:
                    wanted.add(id(node))
                    waiting.append(node)
    parts = []
    for node in tree.body:
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if id(node) in wanted or is_future:
            parts.append(_text_of(node, lines))
    return "\n\n".join(parts) + "\n"


def _text_of(node, lines):
    return "\n".join(lines[_first_line(node) - 1 : node.end_lineno])


def _first_line(node):
    """A mark is for whoever publishes, and is not there when the function runs."""
    kept = [each for each in getattr(node, "decorator_list", []) if not _is_mark(each)]
    return min([node.lineno, *(each.lineno for each in kept)])


def _is_function(node):
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))


def _is_mark(node):
    callee = node.func if isinstance(node, ast.Call) else node
    return ast.unparse(callee) in ("function", "haif.function")


def _names_made(node):
    if _is_function(node) or isinstance(node, ast.ClassDef):
        return [node.name]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [(each.asname or each.name).split(".")[0] for each in node.names]
    if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return [each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]
    return []


def _names_used(text):
    """Names that come from the module around it: what is local to a function is not one."""
    used, waiting = set(), [symtable.symtable(text, MODULE, "exec")]
    while waiting:
        table = waiting.pop()
        waiting.extend(table.get_children())
        is_module = table.get_type() == "module"
        used.update(
            symbol.get_name()
            for symbol in table.get_symbols()
            if symbol.is_referenced() and (is_module or symbol.is_global())
        )
    return {name for name in used if not hasattr(builtins, name)}


def _script_of(source):
    """https://packaging.python.org/en/latest/specifications/inline-script-metadata/"""
    found = _SCRIPT.search(source)
    if found is None:
        return {}
    text = "".join(line[2:] + "\n" for line in found.group(1).splitlines())
    script = {}
    for name, value in re.findall(r"^([\w-]+)\s*=\s*(\[[^\]]*\]|\"[^\"]*\")", text, re.MULTILINE):
        script[name] = ast.literal_eval(value)
    return script
