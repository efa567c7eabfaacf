"""`python3 -m haif bundle FILE [NAME…]`: a line of JSON for each function: its name, its bundle."""

import json
import sys

from .bundle import BundleError, bundle_from_source, bundle_text, functions_in


def main(arguments):
    if len(arguments) < 2 or arguments[0] != "bundle":
        sys.exit("usage: python3 -m haif bundle FILE [NAME...]")
    with open(arguments[1], encoding="utf-8") as file:
        source = file.read()
    try:
        for name in arguments[2:] or functions_in(source):
            print(json.dumps({"name": name, "bundle": bundle_text(bundle_from_source(source, name))}))
    except (BundleError, SyntaxError) as error:
        sys.exit(f"{arguments[1]}: {error}")


main(sys.argv[1:])
