"""A pipeline of functions, called as one and one by one.

HAIF_URL=http://127.0.0.1:8080 PYTHONPATH=python python3 examples/python_pipeline.py
"""

from haif import Client, Deployment, NodeRemote, lift


def classify_amount(amount: int) -> str:
    return "priority" if amount == 300 else "standard"


def build_order(amount: int, bonus: int, status: str, scale: int = 1) -> dict:
    return {"total": (amount + bonus) * scale, "status": status}


def label(order: dict) -> str:
    return f"{order['status']}: {order['total']}"


pipeline = (
    lift(build_order)
    .bind(status=lift(classify_amount))
    .alias("result")
    .render("order_pipeline")
)
print(Deployment(pipeline).run(amount=300, bonus=10, output="result"))  # in this process

client = Client()
client.publish(pipeline)
print(client.call("order_pipeline", {"amount": 300, "bonus": 10}).output)
print(client.call("order_pipeline::classify_amount", {"amount": 301}).output)
print(client.signature("order_pipeline")["inputs"])

# An object of the catalogue is a node like any other.
order = NodeRemote.locate("order_pipeline", client=client)
mixed = lift(label).bind(order=order).render("labelled")
print(Deployment(mixed).run(amount=1, bonus=2))
client.publish(mixed)
print(client.call("labelled", {"amount": 300, "bonus": 10}).output)
