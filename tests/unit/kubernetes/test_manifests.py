"""deploy/kubernetes: valid, and in agreement with the services that it runs."""

import copy
import re
import runpy
import shutil
import subprocess
import tomllib
from pathlib import Path

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from services.intensity_publisher.settings import PublisherSettings
from services.ledger.settings import LedgerSettings
from services.scheduler.settings import SchedulerSettings
from services.worker_pool.service import CUT_SECONDS
from services.worker_pool.settings import WorkerSettings
from shared.broker.rights import rights_of
from shared.broker.topology import Topology
from shared.domain.bands import Band, capacity

ROOT = Path(__file__).parents[3]
HOME = ROOT / "deploy" / "kubernetes"
VERSION = "1.33.0"
REGION = "CAISO_NORTH"
SETTINGS = {
    "publisher": PublisherSettings,
    "scheduler": SchedulerSettings,
    "worker": WorkerSettings,
    "ledger": LedgerSettings,
}
EXPORTED = runpy.run_path(str(ROOT / "tests/unit/metrics/services.py"))["SERVICES"]


def documents(folder):
    """Every object in a folder's manifests."""
    for path in sorted((HOME / folder).glob("*.yaml")):
        if path.name != "kustomization.yaml":
            yield from YAML(typ="safe").load_all(path)


BASE = list(documents("base"))
SERVERS = list(documents("servers"))
SCALED = next(each for each in documents("keda") if each["kind"] == "ScaledObject")
KUSTOMIZATION = YAML(typ="safe").load(HOME / "base" / "kustomization.yaml")


def of_kind(*kinds):
    return [each for each in BASE if each["kind"] in kinds]


def named(kind, name):
    (found,) = [each for each in of_kind(kind) if each["metadata"]["name"] == name]
    return found


WORKLOADS = of_kind("Deployment", "Job")
DEPLOYMENTS = of_kind("Deployment")
PODS = {each["metadata"]["name"]: each["spec"]["template"] for each in WORKLOADS}
WITH_SETTINGS = sorted(SETTINGS)


def container(name):
    (only,) = PODS[name]["spec"]["containers"]
    return only


def labels_of(pod):
    """With those that kustomize adds."""
    return PODS[pod]["metadata"]["labels"] | KUSTOMIZATION["labels"][0]["pairs"]


def selected_by(match_labels):
    return {pod for pod in PODS if match_labels.items() <= labels_of(pod).items()}


def name_of(document):
    return f"{document['kind']}-{document['metadata']['name']}"


@pytest.mark.parametrize("document", BASE, ids=name_of)
def test_an_object_fits_the_schema_of_kubernetes(document):
    kubernetes_validate.validate(document, VERSION, strict=True)


@pytest.mark.parametrize(
    "path", [("spec", "replicas"), ("spec", "template", "spec", "containers", 0, "image")]
)
def test_the_schema_finds_what_is_wrong(path):
    broken = copy.deepcopy(named("Deployment", "worker"))
    place = broken
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = {"not": "this"}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSION, strict=True)


@pytest.mark.parametrize("folder", ["base", "servers", "keda"])
def test_every_file_is_part_of_its_kustomization(folder):
    listed = YAML(typ="safe").load(HOME / folder / "kustomization.yaml")["resources"]
    there = {path.name for path in (HOME / folder).glob("*.yaml")} - {"kustomization.yaml"}
    assert set(listed) == there


@pytest.mark.parametrize("folder", ["base", "servers"])
def test_kustomize_builds_it(folder):
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run(
        [kubectl, "kustomize", str(HOME / folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(list(YAML(typ="safe").load_all(done.stdout))) == len(list(documents(folder)))


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=name_of)
def test_a_deployment_selects_its_own_pods_alone(deployment):
    selector = deployment["spec"]["selector"]["matchLabels"]
    assert selected_by(selector) == {deployment["metadata"]["name"]}


@pytest.mark.parametrize("document", of_kind("PodDisruptionBudget", "Service"), ids=name_of)
def test_what_selects_pods_finds_those_of_its_name(document):
    selector = document["spec"]["selector"]
    assert selected_by(selector.get("matchLabels", selector)) == {document["metadata"]["name"]}


def test_what_has_replicas_has_a_disruption_budget():
    several = {d["metadata"]["name"] for d in DEPLOYMENTS if d["spec"]["replicas"] > 1}
    assert several == {each["metadata"]["name"] for each in of_kind("PodDisruptionBudget")}
    assert several == {"scheduler", "worker"}


def test_network_policies_say_who_reaches_what():
    reach = {
        policy["metadata"]["name"]: selected_by(policy["spec"]["podSelector"]["matchLabels"])
        for policy in of_kind("NetworkPolicy")
    }
    everybody = set(PODS)
    assert reach == {
        "deny-all": everybody,
        "names": everybody,
        "metrics": everybody,
        "broker": everybody - {"dashboard"},
        "database": {"setup", "ledger", "dashboard"},
        "internet": {"publisher", "worker"},
        "dashboard": {"dashboard"},
    }
    assert "ingress" not in named("NetworkPolicy", "deny-all")["spec"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=name_of)
def test_probes_ask_a_port_that_is_there(deployment):
    its = container(deployment["metadata"]["name"])
    ports = {port["name"]: port["containerPort"] for port in its["ports"]}
    probes = [its[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]
    assert {probe["port"] for probe in probes} == set(ports)
    if deployment["metadata"]["name"] in SETTINGS:
        assert ports == {"health": int(named("ConfigMap", "settings")["data"]["HEALTH_PORT"])}
    ready = "/livez" if deployment["metadata"]["name"] == "dashboard" else "/readyz"
    assert [probe["path"] for probe in probes] == ["/livez", "/livez", ready]


@pytest.mark.parametrize("service", WITH_SETTINGS)
def test_every_variable_is_a_setting(service):
    data = dict(named("ConfigMap", "settings")["data"])
    known = {name.upper() for name in SETTINGS[service].model_fields}
    assert set(data) - {"JOBS_FILE"} <= known
    if service == "scheduler":
        assert Path(data["JOBS_FILE"]).name in named("ConfigMap", "jobs")["data"]
        mounts = {m["name"]: m["mountPath"] for m in container(service)["volumeMounts"]}
        assert str(Path(data["JOBS_FILE"]).parent) == mounts["jobs"]
    SETTINGS[service](_env_file=None, **{k.lower(): v for k, v in data.items()})


@pytest.mark.parametrize("pod", PODS)
def test_a_pod_is_hardened(pod):
    spec, its = PODS[pod]["spec"], container(pod)
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 10001
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert its["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert its["resources"]["requests"].keys() == {"cpu", "memory"}
    assert "memory" in its["resources"]["limits"]


@pytest.mark.parametrize("pod", PODS)
def test_a_pod_has_the_secret_of_a_user_that_there_is(pod):
    users = {rights.user for rights in rights_of(Topology((REGION,), 2))} | {"dashboard"}
    volumes = {volume["name"]: volume for volume in PODS[pod]["spec"]["volumes"]}
    secret = volumes["credentials"]["secret"]["secretName"]
    assert secret == f"{pod}-credentials"
    assert pod in users
    mounts = {mount["name"]: mount["mountPath"] for mount in container(pod)["volumeMounts"]}
    assert mounts["credentials"] == "/run/credentials"
    assert set(mounts) == set(volumes)


def test_a_worker_has_longer_to_stop_than_it_takes():
    longest = WorkerSettings.model_fields["drain_seconds"].default + 2 * CUT_SECONDS
    assert PODS["worker"]["spec"]["terminationGracePeriodSeconds"] >= longest + 15


def test_images_are_ours_in_the_version_of_the_project():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    tags = {image["name"]: image["newTag"] for image in KUSTOMIZATION["images"]}
    assert {container(pod)["image"] for pod in PODS} == set(tags)
    assert set(tags.values()) == {version}


def test_the_broker_has_the_limits_of_the_one_in_compose():
    (cluster,) = [each for each in SERVERS if each["kind"] == "RabbitmqCluster"]
    lines = cluster["spec"]["rabbitmq"]["additionalConfig"].splitlines()
    told = dict(line.split(" = ") for line in lines)
    text = (ROOT / "deploy" / "rabbitmq" / "carbon-aware.conf").read_text()
    ours = dict(line.split(" = ") for line in text.splitlines() if " = " in line and line[0] != "#")
    alike = {key for key in ours if not key.startswith(("log.", "load_definitions"))}
    assert {key: told[key] for key in alike} == {key: ours[key] for key in alike}
    assert cluster["spec"]["replicas"] == 3


def test_the_scaler_counts_the_queues_that_workers_fetch_from():
    topology = Topology((named("ConfigMap", "settings")["data"]["REGIONS"],), 2)
    queues = {
        t["metadata"]["queueName"] for t in SCALED["spec"]["triggers"] if t["type"] == "rabbitmq"
    }
    assert queues == {queue.name for queue in topology.ready_queues()}
    assert SCALED["spec"]["scaleTargetRef"]["name"] in PODS


def test_the_scaler_s_formula_uses_every_trigger():
    formula = SCALED["spec"]["advanced"]["scalingModifiers"]["formula"]
    names = set(re.findall(r"[a-z]+", formula)) - {"min", "max"}
    assert names == {trigger["name"] for trigger in SCALED["spec"]["triggers"]}
    assert SCALED["spec"]["minReplicaCount"] >= 1


def limits():
    """The scaler's limit of pods, by band, as its query says."""
    (query,) = [
        trigger["metadata"]["query"]
        for trigger in SCALED["spec"]["triggers"]
        if trigger["type"] == "prometheus"
    ]
    term = r'(\d+) \* max\(carbonq_grid_band\{region="(\w+)", band=~?"([\w|]+)"\}\)'
    assert re.fullmatch(rf"{term}( \+ {term})*", " ".join(query.split()))
    found = {}
    for pods, region, bands in re.findall(term, query):
        assert region == REGION
        for band in bands.split("|"):
            assert band not in found
            found[band] = int(pods)
    return found


def test_every_band_has_a_limit_and_dirtier_ones_no_higher():
    found = limits()
    assert set(found) == {band.value for band in Band}
    clean_first = [found[band.value] for band in Band if band is not Band.UNKNOWN]
    assert clean_first == sorted(clean_first, reverse=True)
    assert max(clean_first) == SCALED["spec"]["maxReplicaCount"]
    assert "carbonq_grid_band" in {f.name for f in EXPORTED["intensity_publisher"]().collect()}


def test_the_readme_s_table_is_the_limits_times_the_pools_own_factor():
    found = limits()
    text = (HOME / "README.md").read_text()
    rows = re.findall(r"^\| ([a-z, ]+) \| (\d+) \| [\d.]+ \| (\d+) \|$", text, re.MULTILINE)
    assert len(rows) == 5
    for words, pods, most in rows:
        for word in words.split(", "):
            band = Band(word.replace(" ", "_"))
            assert int(pods) == found[band.value]
            assert int(most) == found[band.value] * capacity(4, band)
