"""docker-compose.cluster.yml: three equal nodes, and services that know them by one name."""

from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[3]
BASE = YAML(typ="safe").load(ROOT / "docker-compose.yml")["services"]
OVERRIDE = YAML(typ="safe").load(ROOT / "docker-compose.cluster.yml")
SERVICES = OVERRIDE["services"]
NODES = ("rabbitmq", "rabbitmq-2", "rabbitmq-3")
SAME = (
    "image", "user", "init", "restart", "read_only", "cap_drop", "security_opt", "environment",
    "tmpfs", "stop_grace_period", "healthcheck", "deploy", "depends_on",
)  # fmt: skip


def test_the_further_nodes_are_like_the_first():
    for node in NODES[1:]:
        assert {key: SERVICES[node][key] for key in SAME} == {
            key: BASE["rabbitmq"][key] for key in SAME
        }
        assert "ports" not in SERVICES[node]
        mounts = {volume.split(":", 1)[-1] for volume in SERVICES[node]["volumes"]}
        first = [*BASE["rabbitmq"]["volumes"], *SERVICES["rabbitmq"]["volumes"]]
        assert mounts == {volume.split(":", 1)[-1] for volume in first}


def test_each_node_has_a_name_and_data_of_its_own():
    names = [BASE["rabbitmq"]["hostname"], *(SERVICES[node]["hostname"] for node in NODES[1:])]
    assert tuple(names) == NODES
    data = [SERVICES[node]["volumes"][0].split(":")[0] for node in NODES[1:]]
    assert set(data) == set(OVERRIDE["volumes"]) == set(NODES[1:])


def test_the_nodes_look_for_each_other_by_their_names():
    text = (ROOT / "deploy" / "rabbitmq" / "cluster.conf").read_text()
    told = [line.split(" = ")[1] for line in text.splitlines() if ".nodes." in line]
    assert told == [f"rabbit@{node}" for node in NODES]


def test_one_name_leads_to_every_node():
    for node in NODES:
        assert SERVICES[node]["networks"]["messages"]["aliases"] == ["broker"]
        assert SERVICES[node]["entrypoint"] == SERVICES["rabbitmq"]["entrypoint"]
    assert SERVICES["credentials"]["environment"]["BROKER_ADDRESS"] == "broker:5672"


def test_queues_are_declared_once_all_nodes_are_there():
    waits = BASE["setup"]["depends_on"] | SERVICES["setup"]["depends_on"]
    assert all(waits[node] == {"condition": "service_healthy"} for node in NODES)


def test_no_node_waits_for_another():
    for node in NODES[1:]:
        assert not set(SERVICES[node]["depends_on"]) & set(NODES)
