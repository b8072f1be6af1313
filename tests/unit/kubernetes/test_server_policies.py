"""deploy/kubernetes: who reaches the servers, and what Prometheus is told to ask."""

from pathlib import Path

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from services.credentials.secrets import READER

HOME = Path(__file__).parents[3] / "deploy" / "kubernetes"
VERSION = "1.33.0"
RABBITMQ = {"app.kubernetes.io/name": "rabbitmq"}
POSTGRES = {"cnpg.io/cluster": "postgres"}


def documents(folder, kind):
    return [
        each
        for path in sorted((HOME / folder).glob("*.yaml"))
        for each in YAML(typ="safe").load_all(path)
        if each["kind"] == kind
    ]


POLICIES = documents("servers", "NetworkPolicy")
OF_SERVICES = {each["metadata"]["name"]: each for each in documents("base", "NetworkPolicy")}
DEPLOYMENTS = documents("base", "Deployment")


def policy_of(labels):
    (found,) = [p for p in POLICIES if p["spec"]["podSelector"]["matchLabels"] == labels]
    return found["spec"]


def ports_for(labels, peer):
    """The ports of these pods that a peer reaches."""
    return {
        port["port"]
        for rule in policy_of(labels)["ingress"]
        if peer in rule["from"]
        for port in rule["ports"]
    }


def pods(labels):
    return {"podSelector": {"matchLabels": labels}}


def namespace(name):
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy["metadata"]["name"])
def test_a_policy_fits_the_schema_and_says_who_and_where(policy):
    kubernetes_validate.validate(policy, VERSION, strict=True)
    assert policy["spec"]["policyTypes"] == ["Ingress"]
    for rule in policy["spec"]["ingress"]:
        assert rule["from"]  # without it everybody is let in
        assert rule["ports"]
        assert {} not in [selector for peer in rule["from"] for selector in peer.values()]


@pytest.mark.parametrize(("name", "server"), [("broker", RABBITMQ), ("database", POSTGRES)])
def test_the_services_are_let_in_where_they_are_let_out(name, server):
    its = OF_SERVICES[name]["spec"]
    (out,) = its["egress"]
    assert out["to"] == [pods(server)]
    let_out = {port["port"] for port in out["ports"]}
    assert ports_for(server, {"podSelector": its["podSelector"]}) == let_out


@pytest.mark.parametrize(
    ("server", "peer", "ports"),
    [
        (RABBITMQ, pods(RABBITMQ), {4369, 25672, 35672}),
        (RABBITMQ, namespace("rabbitmq-system"), {15672, 15671}),
        (RABBITMQ, namespace("monitoring"), {15692, 15691}),
        (RABBITMQ, namespace("keda"), {5672, 5671}),
        (POSTGRES, pods(POSTGRES), {5432, 8000}),
        (POSTGRES, namespace("cnpg-system"), {5432, 8000}),
        (POSTGRES, namespace("monitoring"), {9187}),
    ],
)
def test_a_server_s_nodes_and_operator_reach_what_they_need(server, peer, ports):
    assert ports_for(server, peer) == ports


def test_the_database_has_the_login_that_reads_the_ledger():
    (cluster,) = documents("servers", "Cluster")
    (role,) = cluster["spec"]["managed"]["roles"]
    assert (role["name"], role["ensure"], role["login"]) == (READER, "present", True)
    readme = (HOME / "README.md").read_text()
    assert f"generic {role['passwordSecret']['name']} " in readme
    assert f"--from-literal=username={READER} " in readme


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda each: each["metadata"]["name"])
def test_prometheus_is_told_where_a_pod_has_its_numbers(deployment):
    template = deployment["spec"]["template"]
    (port,) = template["spec"]["containers"][0]["ports"]
    assert template["metadata"]["annotations"] == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(port["containerPort"]),
        "prometheus.io/path": "/metrics",
    }
