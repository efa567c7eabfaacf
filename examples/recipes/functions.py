"""Recipes for functions and pipelines, each by itself; `python_functions.py` is where to begin.

HAIF_URL=http://127.0.0.1:8080 PYTHONPATH=python python3 examples/recipes/functions.py MACHINE [MACHINE]
"""

import os
import sys

from haif import Client, Deployment, HaifError, NodeRemote, lift

client = Client()  # HAIF_URL and HAIF_TOKEN, else this machine
here, there = sys.argv[1], sys.argv[-1]


def clean(rows: list) -> list:
    return [row for row in rows if row is not None]


def total(rows: list) -> float:
    return sum(rows)


def report(total: float, title: str = "total") -> str:
    return f"{title}: {total}"


def where_it_runs():
    """A machine that a call names, and one that its library names."""
    client.publish(clean)
    result = client.call("clean", {"rows": [1, None, 2]}, target_machine=here)
    print("machine", result.output, result.machine == here)
    client.library.create("reports", policy={"machine": there})
    client.publish(report, library="reports")
    print("library", client.call("report", {"total": 3}, library="reports").machine == there)


def pipeline_and_its_functions():
    """One graph: called as a whole, function by function, and up to a node."""
    pipeline = lift(total).bind(rows=lift(clean).alias("cleaned")).alias("sum").render("totals")
    client.publish(pipeline)
    print("pipeline", client.call("totals", {"rows": [1, None, 41]}).output)
    print("function", client.call("totals::clean", {"rows": [None, 7]}).output)


def mixed_local_and_remote():
    """A part runs in this process, a part on a machine of the mesh."""
    totals = NodeRemote.locate("totals", client=client, target_machine=here)
    mixed = lift(report).bind(total=totals, title="mixed").render("mixed_report")
    print(Deployment(mixed).run(rows=[20, None, 22]))


def libraries_on_two_machines():
    """Nodes of two libraries, each pinned to its machine; values go from one to the other."""
    totals = NodeRemote.locate("clean", client=client, target_machine=here)
    last = NodeRemote.locate("report", client=client, library="reports", target_machine=there)
    across = last.bind(total=lift(total).on(here).bind(rows=totals)).render("across")
    client.publish(across)
    run = client.call("across", {"rows": [40, 2], "title": "across"})
    machines = {node["node"]: node["machine"] for node in run.run["nodes"]}
    print(run.output, machines["clean"] == here and machines["report"] == there)


def queue_for_a_machine_that_is_away():
    """The run waits for it; `fail_fast` would say at once that it is away."""
    run = client.submit("clean", {"rows": []}, target_machine="nobody-here", offline_policy="queue")
    print("waits", run.status)
    run.cancel()
    try:
        client.call("clean", {"rows": []}, target_machine="nobody-here", offline_policy="fail_fast")
    except HaifError as error:
        print("away", error.code)


def files_that_a_run_leaves():
    def chart(rows: list) -> int:
        with open("out/chart.csv", "w") as file:
            file.write("\n".join(str(row) for row in rows))
        return len(rows)

    client.publish(chart)
    result = client.call("chart", {"rows": [1, 2, 3]})
    print("files", [each["name"] for each in result.artifacts], client.artifact(result.artifacts[0]))


def client_with_a_token_of_one_library():
    """What a partner gets: calls of that library, and nothing else."""
    partner = Client(token=os.environ["PARTNER_TOKEN"])
    print("partner", partner.call("report", {"total": 1}, library="reports").output)
    try:
        partner.call("totals", {"rows": [1]})
    except HaifError as error:
        print("partner", error.code)


where_it_runs()
pipeline_and_its_functions()
mixed_local_and_remote()
libraries_on_two_machines()
queue_for_a_machine_that_is_away()
files_that_a_run_leaves()
if "PARTNER_TOKEN" in os.environ:
    client_with_a_token_of_one_library()
