"""`python -m newsroom`: serves the newsroom until Ctrl-C and prints a sources.yaml for it."""

from __future__ import annotations

import argparse
import sys
from time import sleep

from newsroom import Newsroom


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m newsroom", description="Replica outlets on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=8700, help="the first of eight ports in a row; 0 takes free ones")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before every answer")
    options = parser.parse_args()
    with Newsroom(port=options.port, latency_s=options.latency) as newsroom:
        print(newsroom.sources_yaml(database="pantau.db"))
        for outlet in newsroom.outlets:
            print(f"# {outlet.base_url}  {outlet.name} ({outlet.kind}, {outlet.region})", file=sys.stderr)
        print("# Ctrl-C ends it", file=sys.stderr)
        try:
            while True:
                sleep(3600)
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
