"""Installs RabbitMQ with the system's package manager, without leaving its service running."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import typer

from services.cli.processes import last_lines
from services.cli.rabbitmq_server import find_server
from shared.errors import BrokerUnreachable

# Debian's package starts a service that listens on every interface, now and at each boot. We want
# the program only: a policy that denies just these services, just while this install runs, and no
# start at boot.
_APT = r"""
set -e
policy=/usr/sbin/policy-rc.d
mark='# carbon-aware: only while rabbitmq-server is installed'
if [ ! -e "$policy" ] || grep -qF "$mark" "$policy"; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM HUP
  deny='case "$1" in rabbitmq-server*|epmd*) exit 101 ;; esac'
  printf '%s\n' '#!/bin/sh' "$mark" "$deny" > "$policy"
  chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -q -y --no-install-recommends rabbitmq-server; }
has_candidate() { LC_ALL=C apt-cache policy rabbitmq-server | grep -q 'Candidate: [^(]'; }
has_candidate || apt-get update -q
install || { apt-get update -q && install; }
if [ -d /run/systemd/system ]; then
  systemctl disable --quiet epmd.service epmd.socket || true
fi
update-rc.d rabbitmq-server disable || true
"""


@dataclass(frozen=True)
class Installer:
    """How this system installs RabbitMQ: what a person would type, and what we run."""

    command: str
    argv: tuple[str, ...]


def find_installer() -> Installer | None:
    """The package manager of this system, or nothing if it is none that we know."""
    is_root = os.geteuid() == 0
    sudo = () if is_root else ("sudo",)
    said = "" if is_root else "sudo "
    if shutil.which("apt-get"):
        command = f"{said}apt-get install rabbitmq-server"
        return Installer(command, (*sudo, "sh", "-c", _APT))
    if shutil.which("dnf"):
        command = f"{said}dnf install rabbitmq-server"
        return Installer(command, (*sudo, "dnf", "install", "-y", "rabbitmq-server"))
    if shutil.which("brew"):
        return Installer("brew install rabbitmq", ("brew", "install", "rabbitmq"))
    return None


def install(installer: Installer, log: Path) -> Path:
    """Run the package manager and return the installed server.

    It shares our terminal, so sudo can ask for the password and Ctrl-C stops it.

    Raises:
        BrokerUnreachable: The install failed, or the server is not where packages put it.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with log.open("wb") as output:
            done = subprocess.run(  # noqa: S603 - the package manager
                installer.argv, stdout=output, stderr=subprocess.STDOUT, check=False
            )
    except FileNotFoundError as error:
        raise BrokerUnreachable(
            f"{error.filename} is not installed: run `{installer.command}` as an administrator"
        ) from None
    server = find_server()
    if done.returncode != 0 or server is None:
        raise BrokerUnreachable(
            f"`{installer.command}` failed (exit {done.returncode}): run it by hand; "
            f"the end of {log}:\n{last_lines(log)}"
        )
    return server


def main() -> int:
    """Make sure that RabbitMQ is installed; for `make test`, which needs the program itself."""
    if find_server() is not None:
        return 0
    installer = find_installer()
    if installer is None:
        typer.echo("error: no known package manager: install rabbitmq-server", err=True)
        return 69
    typer.echo(f"RabbitMQ is not installed: {installer.command} (its service stays off)")
    try:
        install(installer, Path(".carbon-aware/logs/install.log"))
    except BrokerUnreachable as error:
        typer.echo(f"error: {error}", err=True)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
