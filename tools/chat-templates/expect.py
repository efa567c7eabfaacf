"""Makes the prompts that chat templates must give, with Python's Jinja2 set up as `transformers` does.

    python3 tools/chat-templates/expect.py FOLDER_OF_TEMPLATES        writes expected.json, cases.json
    python3 tools/chat-templates/expect.py FOLDER NAME DIALOGUE       prints one prompt

The folder is llama.cpp's models/templates, for example in a clone of the bundle of node-llama-cpp,
node_modules/node-llama-cpp/llama/gitRelease.bundle.

`expected.json` holds the hash of each prompt and the end of the plain one; where Jinja2 renders
none the error, and where the template leaves out a text of the caller that text. The dialogues and
tools are those of the test, test/…/prompt/templates.test.ts.
"""

import datetime
import hashlib
import json
import pathlib
import sys

import jinja2
import jinja2.ext
import jinja2.nodes
from jinja2.sandbox import SandboxedEnvironment

HERE = pathlib.Path(__file__).parent
NOW = datetime.datetime(2026, 1, 2, 3, 4, 5)


class Generation(jinja2.ext.Extension):
    """`{% generation %}` marks what a training run learns; it writes its body."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(
            value,
            ensure_ascii=ensure_ascii,
            indent=indent,
            separators=separators,
            sort_keys=sort_keys,
        )

    env = SandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    return env


def message_of(message, calls, arguments_as_text):
    """Into OpenAI's form, with a thought under each of the names that templates have for it."""
    value = {"role": message["role"], "content": message["content"]}
    if "call" in message:
        call = calls[message["call"]]
        value |= {"tool_call_id": call["id"], "name": call["function"]["name"]}
    if "reasoning" in message:
        for name in ("reasoning_content", "reasoning", "thinking"):
            value[name] = message["reasoning"]
    for name, arguments in message.get("calls", []):
        given = json.dumps(arguments, ensure_ascii=False) if arguments_as_text else arguments
        function = {"name": name, "arguments": given}
        calls.append({"id": f"call{len(calls):05}", "type": "function", "function": function})
    if "calls" in message:
        value["tool_calls"] = calls[-len(message["calls"]) :]
    return value


def render(template, dialogue, tools, arguments_as_text):
    calls = []
    chosen = {True: "usual", "odd": "odd"}.get(dialogue.get("tools"))
    return template.render(
        messages=[message_of(m, calls, arguments_as_text) for m in dialogue["messages"]],
        tools=None
        if chosen is None
        else [{"type": "function", "function": tool} for tool in tools[chosen]],
        documents=None,
        add_generation_prompt=True,
        bos_token="<bos>",
        eos_token="<eos>",
        **dialogue.get("variables", {}),
    )


def expected(template, dialogue, tools):
    """Arguments of calls are objects, except where a template cannot write them or prints a dict."""
    dicts = [str(a) for m in dialogue["messages"] for _, a in m.get("calls", []) if a]
    failure = None
    try:
        prompt = render(template, dialogue, tools, False)
        if not any(text in prompt for text in dicts):
            return prompt
    except Exception as error:  # each template throws in its own way
        failure = error
    try:
        return render(template, dialogue, tools, True)
    except Exception as error:
        raise failure or error


def lost(template, dialogue, tools):
    """A text of the caller that the template leaves out: there HAIF changes the messages.

    Calls get names of their own, because those of the tools are in the prompt anyway.
    """
    renamed = json.loads(json.dumps(dialogue))
    texts = []
    for message in renamed["messages"]:
        for i, call in enumerate(message.get("calls", [])):
            call[0] = f"probe{i}"
            texts.append((call[0], "a call"))
        if "calls" not in message:
            text = message["content"].split("</think>")[-1].strip()
            texts.append((text, text))
    prompt = expected(template, renamed, tools)
    for text, name in texts:
        if text not in prompt and json.dumps(text, ensure_ascii=False)[1:-1] not in prompt:
            return name
    return None


def entry(source, dialogues, tools):
    template = environment().from_string(source)
    prompts, end = {}, None
    for name, dialogue in dialogues.items():
        try:
            prompt = expected(template, dialogue, tools)
        except Exception as error:
            prompts[name] = f"error: {error}"[:80]
            continue
        left_out = lost(template, dialogue, tools)
        digest = hashlib.sha256(prompt.encode()).hexdigest()[:12]
        prompts[name] = digest if left_out is None else f"loses: {left_out}"[:80]
        end = prompt[-60:] if name == "plain" else end
    return {"end": end, "prompts": prompts}


def fill_cases():
    """What Jinja2 makes of small templates, each of which shows a part of the language."""
    file = HERE / "cases.json"
    content = json.loads(file.read_text())
    for case in content["cases"]:
        try:
            template = environment().from_string(case["template"])
            case["expected"] = template.render(**content["variables"])
        except Exception:
            case["expected"] = None
    file.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def main(folder, *one):
    dialogues = json.loads((HERE / "dialogues.json").read_text())
    tools = json.loads((HERE / "tools.json").read_text())
    if one:
        name, dialogue = one
        template = environment().from_string((pathlib.Path(folder) / f"{name}.jinja").read_text())
        sys.stdout.write(expected(template, dialogues[dialogue], tools))
        return
    fill_cases()
    files = sorted(pathlib.Path(folder).glob("*.jinja"))
    entries = {file.stem: entry(file.read_text(), dialogues, tools) for file in files}
    text = json.dumps(entries, ensure_ascii=False, indent=1)
    (HERE / "expected.json").write_text(text + "\n")


main(*sys.argv[1:])
