"""A container's health check: does the service in it say that it is ready?

usage: python3 -IS ready.py PORT [PATH]
"""

import http.client
import sys

ANSWER_SECONDS = 3


def main(port: int, path: str) -> int:
    """Ask; what is wrong is printed, for `docker inspect` shows it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read(1000).decode(errors="replace")
    except OSError as error:
        print(f"no answer on port {port}: {error}")
        return 1
    print(text)
    return 0 if answer.status == http.client.OK else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "/readyz"))
