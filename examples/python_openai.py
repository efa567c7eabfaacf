"""The `openai` package for Python: a streamed chat, then the Responses API.  pip install openai"""

import os

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("HAIF_URL", "http://127.0.0.1:8080") + "/v1",
    api_key=os.environ.get("HAIF_TOKEN", "any"),
)
model = os.environ.get("HAIF_MODEL", "haif-tiny")

stream = client.chat.completions.create(
    model=model,
    messages=[{"role": "user", "content": "What is HAIF?"}],
    max_tokens=100,
    stream=True,
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
print()

first = client.responses.create(model=model, input="What is a worker?", max_output_tokens=100)
print(first.output_text)
after = client.responses.create(
    model=model, input="And a gateway?", previous_response_id=first.id, max_output_tokens=100
)
print(after.output_text)
