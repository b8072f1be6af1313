"""Finds an installed RabbitMQ, and lays out the folder of a private node."""

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from services.cli.processes import free_port, port_is_free, write_private_json
from shared.errors import BrokerUnreachable

USER = "carbon-aware"

# The server itself, never the wrapper in /usr/sbin of the Linux packages, which wants root.
_SERVER_PATTERNS = (
    "usr/lib*/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server",
    "usr/lib*/rabbitmq/bin/rabbitmq-server",
    "opt/homebrew/opt/rabbitmq/sbin/rabbitmq-server",
    "usr/local/opt/rabbitmq/sbin/rabbitmq-server",
    "home/linuxbrew/.linuxbrew/opt/rabbitmq/sbin/rabbitmq-server",
    "opt/rabbitmq*/sbin/rabbitmq-server",
)
_TOOL_FOLDERS = ("/opt/homebrew/bin", "/usr/local/bin", "/home/linuxbrew/.linuxbrew/bin")

# Jobs may run for days; the default of 30 minutes would take them away from their worker.
_CONSUMER_TIMEOUT_MS = 7 * 24 * 3600 * 1000
# The log of the quorum queues is kept in memory until it is this long; the default is 512 MB.
_RAFT_LOG_BYTES = 64 * 1024 * 1024
_MOST_SCHEDULERS = 4  # Erlang's threads cost memory, one set for each core unless told otherwise


@dataclass(frozen=True)
class NodeIdentity:
    """What must stay the same for a node to find its data again, and what preferably does."""

    name: str
    password: str
    amqp_port: int
    epmd_port: int
    dist_port: int

    @property
    def amqp_url(self) -> str:
        """Where clients connect."""
        return f"amqp://{USER}:{self.password}@127.0.0.1:{self.amqp_port}/"

    def with_free_ports(self, *, other: bool = False) -> "NodeIdentity":
        """Keep each port that is still free; with `other`, choose all anew."""
        ports: list[int] = []
        for port in (self.amqp_port, self.epmd_port, self.dist_port):
            keep = not other and port not in ports and port_is_free(port)
            ports.append(port if keep else free_port(ports))
        return replace(self, amqp_port=ports[0], epmd_port=ports[1], dist_port=ports[2])


def find_server(root: Path = Path("/")) -> Path | None:
    """The newest installed server that an ordinary user may start."""
    for pattern in _SERVER_PATTERNS:
        found = sorted(root.glob(pattern))
        if found:
            return found[-1]
    on_path = shutil.which("rabbitmq-server")
    # The wrapper would drop our settings; any other installation has the real server on the path.
    is_wrapper = on_path is not None and on_path.startswith(("/usr/sbin/", "/sbin/"))
    return Path(on_path) if on_path is not None and not is_wrapper else None


def search_path(environ: Mapping[str, str]) -> str:
    """PATH, and where package managers put Erlang when PATH does not say so."""
    return os.pathsep.join([environ.get("PATH", os.defpath), *_TOOL_FOLDERS])


def find_epmd(path: str) -> Path:
    """Erlang's port mapper, beside the Erlang that the server uses."""
    on_path = shutil.which("epmd", path=path)
    if on_path is not None:
        return Path(on_path)
    erl = shutil.which("erl", path=path)
    if erl is None:
        raise BrokerUnreachable("RabbitMQ has no Erlang to run on: reinstall rabbitmq-server")
    ask = [erl, "-noshell", "-eval", 'io:format("~s", [code:root_dir()]), halt().']
    asked = subprocess.run(ask, capture_output=True, text=True, check=True, timeout=30)  # noqa: S603
    home = asked.stdout.strip()
    found = sorted(Path(home).glob("erts-*/bin/epmd"))
    if not found:
        raise BrokerUnreachable(f"Erlang in {home} has no epmd: reinstall Erlang")
    return found[-1]


def load_identity(folder: Path) -> NodeIdentity:
    """The node that this folder belongs to; a new one for a new folder."""
    path = folder / "node.json"
    if path.exists():
        return NodeIdentity(**json.loads(path.read_text(encoding="utf-8")))
    # The name stays with the data, so that a moved folder or a renamed machine keeps its queues.
    name = f"carbon-aware-{secrets.token_hex(4)}@localhost"
    return NodeIdentity(name, secrets.token_hex(16), 0, 0, 0).with_free_ports(other=True)


def write_files(folder: Path, identity: NodeIdentity) -> None:
    """Write everything the node reads at its start."""
    for name in ("data", "logs", "conf.d"):
        (folder / name).mkdir(exist_ok=True)
    write_private_json(folder / "node.json", asdict(identity))
    _write_private(folder / "rabbitmq.conf", "\n".join(_settings(identity)) + "\n")
    _write_private(folder / "enabled_plugins", "[].\n")
    _write_private(folder / "rabbitmq-env.conf", "")
    cookie = folder / ".erlang.cookie"
    if not cookie.exists():
        _write_private(cookie, secrets.token_hex(32))
        cookie.chmod(0o400)


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _settings(identity: NodeIdentity) -> Iterator[str]:
    yield f"listeners.tcp.1 = 127.0.0.1:{identity.amqp_port}"
    yield f"default_user = {USER}"
    yield f"default_pass = {identity.password}"
    yield f"consumer_timeout = {_CONSUMER_TIMEOUT_MS}"
    yield f"raft.wal_max_size_bytes = {_RAFT_LOG_BYTES}"
    yield "log.console = false"
    yield "log.file.level = warning"
    yield "log.file.rotation.size = 10485760"
    yield "log.file.rotation.count = 3"


def node_environment(
    folder: Path, identity: NodeIdentity, inherited: Mapping[str, str]
) -> dict[str, str]:
    """The node's environment: nothing of another RabbitMQ on this machine may reach it."""
    foreign = ("RABBITMQ_", "ERL_", "NOTIFY_SOCKET", "CONF_ENV_FILE", "MNESIA_BASE", "NODENAME")
    kept = {name: value for name, value in inherited.items() if not name.startswith(foreign)}
    schedulers = min(_MOST_SCHEDULERS, os.cpu_count() or 1)
    return kept | {
        "PATH": search_path(inherited),
        "HOME": str(folder),  # Erlang looks for its cookie there
        "ERL_EPMD_PORT": str(identity.epmd_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_CRASH_DUMP_SECONDS": "0",
        # For every Erlang that the scripts start, not for the node alone.
        "ERL_ZFLAGS": "-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false",
        "RABBITMQ_NODENAME": identity.name,
        "RABBITMQ_DIST_PORT": str(identity.dist_port),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_LOGS": str(folder / "logs" / "node.log"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_CONFIG_FILES": str(folder / "conf.d"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_PID_FILE": str(folder / "node.pid"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"+S {schedulers}:{schedulers}",
    }
