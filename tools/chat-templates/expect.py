"""Makes the prompts that chat templates must give, with Python's Jinja2 set up as `transformers` does.

    python3 tools/chat-templates/expect.py FOLDER_OF_TEMPLATES        writes expected.json, cases.json
    python3 tools/chat-templates/expect.py FOLDER NAME DIALOGUE       prints one prompt

The folder is llama.cpp's models/templates, for example in a clone of the bundle of node-llama-cpp,
node_modules/node-llama-cpp/llama/gitRelease.bundle.

`expected.json` holds the hash of each prompt and the end of the plain one; where Jinja2 renders
none the error, and where the template leaves out a text of the caller that text. There HAIF changes
the chat; `changed` holds the hashes of Jinja2's prompts of the chats in changed.json, which
changed.ts writes. The dialogues and tools are those of the test, test/…/prompt/templates.test.ts.
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
    chat = {
        "messages": [message_of(m, calls, arguments_as_text) for m in dialogue["messages"]],
        "tools": None
        if chosen is None
        else [{"type": "function", "function": tool} for tool in tools[chosen]],
        "variables": dialogue.get("variables", {}),
    }
    return prompt_of(template, chat)


def prompt_of(template, chat):
    tools = chat["tools"]
    return template.render(
        messages=chat["messages"],
        tools=tools,
        documents=None,
        add_generation_prompt=True,
        bos_token="<bos>",
        eos_token="<eos>",
        **(functions(tools) if template.globals["wants_functions"] else {}),
        **chat["variables"],
    )


def functions(tools):
    """Firefunction's names for the tools and the time; its makers' server gives them."""
    text = json.dumps(tools or [], ensure_ascii=False, indent=4)
    return {"functions": text, "datetime": NOW.strftime("%b %d %Y %H:%M:%S")}


def with_text_arguments(chat):
    copy = json.loads(json.dumps(chat))
    for message in copy["messages"]:
        for call in message.get("tool_calls", []):
            arguments = call["function"]["arguments"]
            call["function"]["arguments"] = json.dumps(arguments, ensure_ascii=False)
    return copy


def arguments_in(chat):
    calls = [call for m in chat["messages"] for call in m.get("tool_calls", [])]
    return [call["function"]["arguments"] for call in calls]


def first_prompt(dicts, renderings):
    """Arguments of calls are objects, except where a template cannot write them or prints a dict."""
    as_objects, as_texts = renderings
    printed = [str(value) for value in dicts if value]
    failure = None
    try:
        prompt = as_objects()
        if not any(text in prompt for text in printed):
            return prompt
    except Exception as error:  # each template throws in its own way
        failure = error
    try:
        return as_texts()
    except Exception as error:
        raise failure or error


def expected(template, dialogue, tools):
    dicts = [a for m in dialogue["messages"] for _, a in m.get("calls", [])]
    renderings = [
        lambda: render(template, dialogue, tools, False),
        lambda: render(template, dialogue, tools, True),
    ]
    return first_prompt(dicts, renderings)


def expected_of_changed(template, chat):
    renderings = [
        lambda: prompt_of(template, chat),
        lambda: prompt_of(template, with_text_arguments(chat)),
    ]
    return first_prompt(arguments_in(chat), renderings)


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


def template_of(source):
    wants = "+ functions" in source and "+ datetime" in source
    return environment().from_string(source, globals={"wants_functions": wants})


def hash_of(prompt):
    return hashlib.sha256(prompt.encode()).hexdigest()[:12]


def entry(source, dialogues, tools, changed):
    template = template_of(source)
    prompts, end = {}, None
    for name, dialogue in dialogues.items():
        try:
            prompt = expected(template, dialogue, tools)
        except Exception as error:
            prompts[name] = f"error: {error}"[:80]
            continue
        left_out = lost(template, dialogue, tools)
        prompts[name] = hash_of(prompt) if left_out is None else f"loses: {left_out}"[:80]
        end = prompt[-60:] if name == "plain" else end
    hashes = {}
    for name, chat in changed.items():
        try:
            hashes[name] = hash_of(expected_of_changed(template, chat))
        except Exception as error:
            print(f"no prompt for the changed {name} of a template: {error}"[:100], file=sys.stderr)
    return {"end": end, "prompts": prompts, **({"changed": hashes} if hashes else {})}


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
        template = template_of((pathlib.Path(folder) / f"{name}.jinja").read_text())
        sys.stdout.write(expected(template, dialogues[dialogue], tools))
        return
    fill_cases()
    files = sorted(pathlib.Path(folder).glob("*.jinja"))
    changed = json.loads((HERE / "changed.json").read_text())
    entries = {}
    for file in files:
        numbers = changed["of"].get(file.stem, {})
        chats = {name: changed["chats"][number] for name, number in numbers.items()}
        entries[file.stem] = entry(file.read_text(), dialogues, tools, chats)
    text = json.dumps(entries, ensure_ascii=False, indent=1)
    (HERE / "expected.json").write_text(text + "\n")


main(*sys.argv[1:])
