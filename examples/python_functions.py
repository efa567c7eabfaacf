"""Functions of a mesh from Python: publish, call, read what a run has left.

HAIF_URL=http://127.0.0.1:8080 PYTHONPATH=python python3 examples/python_functions.py
"""

from haif import Client, HaifError


def daily_total(date: str) -> float:
    """The total of a day."""
    prices = {"2026-06-08": [11.0, 6.5, 24.5]}
    if date not in prices:
        raise ValueError("no prices")
    with open("out/note.txt", "w") as note:
        note.write("total")
    return sum(prices[date])


client = Client()
client.publish(daily_total)  # the same again is no new version

result = client.call("daily_total", {"date": "2026-06-08"})
print(result.output)
print("left", len(client.artifact(result.artifacts[0])), "bytes")

try:
    client.call("daily_total", {"date": "yesterday"})
except HaifError as error:
    print(error.code, error)

run = client.submit("daily_total", {"date": "2026-06-08"})
print(run.collect().output)
