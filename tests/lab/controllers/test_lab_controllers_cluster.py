"""Services, owners, namespaces and nodes at work, in a real API server with played kubelets."""

from dataclasses import replace

from infra.lab.controllers import ControllerTimings

SHOP = "/namespaces/shop"


DEPLOYMENT = f"/apis/apps/v1{SHOP}/deployments/web"


def test_endpoints_follow_pods_through_their_life(in_cluster):
    async def addresses(world):
        found = (await world.get(f"/apis/discovery.k8s.io/v1{SHOP}/endpointslices"))["items"]
        return [
            one["targetRef"]["name"]
            for each in found
            for one in each["endpoints"] or ()
            if one["conditions"]["ready"]
        ]

    async def scenario(world):
        await world.deployed(2)
        ports = [{"port": 80, "targetPort": 8080}]
        await world.add("Service", "web", {"selector": {"app": "web"}, "ports": ports}, group="v1")

        async def ready(count):
            return len(await addresses(world)) == count

        await world.eventually(lambda: ready(2))
        endpoints = await world.get(f"/api/v1{SHOP}/endpoints/web")
        assert len(endpoints["subsets"][0]["addresses"]) == 2
        await world.api.patch(f"{DEPLOYMENT}/scale", {"spec": {"replicas": 0}})
        await world.eventually(lambda: ready(0))
        await world.api.delete(f"/api/v1{SHOP}/services/web")

        async def gone():
            slices = (await world.get(f"/apis/discovery.k8s.io/v1{SHOP}/endpointslices"))["items"]
            return not slices and not await world.get(f"/api/v1{SHOP}/endpoints/web")

        await world.eventually(gone)

    in_cluster(scenario)


def test_a_percentage_budget_counts_what_the_deployment_asks_for(in_cluster):
    async def scenario(world):
        await world.deployed(4)
        spec = {"selector": {"matchLabels": {"app": "web"}}, "maxUnavailable": "25%"}
        await world.add("PodDisruptionBudget", "web", spec, group="policy/v1")
        path = f"/apis/policy/v1{SHOP}/poddisruptionbudgets/web"
        await world.status_reaches(path, expectedPods=4, desiredHealthy=3, disruptionsAllowed=1)
        await world.api.patch(f"{DEPLOYMENT}/scale", {"spec": {"replicas": 8}})
        await world.status_reaches(path, expectedPods=8, desiredHealthy=6, disruptionsAllowed=2)

    in_cluster(scenario)


def test_deleting_a_deployment_takes_everything_below_it(in_cluster):
    async def scenario(world):
        await world.deployed(2)
        await world.api.delete(DEPLOYMENT)

        async def empty():
            sets = (await world.get(f"/apis/apps/v1{SHOP}/replicasets"))["items"]
            return not sets and not await world.pods()

        await world.eventually(empty)

    in_cluster(scenario)


def test_in_the_foreground_the_owner_goes_last_and_as_orphans_pods_live_on(in_cluster):
    async def scenario(world):
        await world.deployed(2)
        await world.api.delete(DEPLOYMENT, propagationPolicy="Orphan")
        await world.eventually(lambda: _is_gone(world, DEPLOYMENT))
        (orphan,) = (await world.get(f"/apis/apps/v1{SHOP}/replicasets"))["items"]
        assert "ownerReferences" not in orphan["metadata"]
        assert len(await world.pods()) == 2
        path = f"/apis/apps/v1{SHOP}/replicasets/{orphan['metadata']['name']}"
        await world.api.delete(path, propagationPolicy="Foreground")
        assert (await world.get(path))["metadata"]["finalizers"] == ["foregroundDeletion"]
        await world.eventually(lambda: _is_gone(world, path))
        assert await world.pods() == []

    in_cluster(scenario)


async def _is_gone(world, path):
    return not await world.get(path)


def test_a_namespace_waits_for_finalizers_and_then_goes_with_its_pods(in_cluster):
    async def scenario(world):
        await world.deployed(2)
        held = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "held", "finalizers": ["example.com/hold"]},
        }
        await world.api.post(f"/api/v1{SHOP}/configmaps", held)
        await world.api.delete("/api/v1/namespaces/shop")

        async def only_held():
            conditions = (await world.get("/api/v1/namespaces/shop"))["status"].get("conditions", ())
            messages = [one["message"] for one in conditions if one["type"] == "NamespaceContentRemaining"]
            return messages == ["Some resources are remaining: configmaps. has 1 resource instances"]

        await world.eventually(only_held)
        await world.api.patch(f"/api/v1{SHOP}/configmaps/held", {"metadata": {"finalizers": None}})
        await world.eventually(lambda: _is_gone(world, "/api/v1/namespaces/shop"))

    in_cluster(scenario)


def test_a_silent_node_is_given_up_and_its_pods_come_back_elsewhere(in_cluster):
    async def scenario(world):
        await world.add_namespace()
        patience = [{"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 0}]
        spec = world.workload(2)
        spec["template"]["spec"]["tolerations"] = patience
        await world.add("Deployment", "web", spec)

        async def up():
            await world.beat("n1")
            await world.beat("n2")  # half a second of silence is too much, and a slow machine needs longer
            return (await world.get(DEPLOYMENT))["status"].get("availableReplicas") == 2

        await world.eventually(up)
        world.silent_nodes.add("n2")

        async def moved():
            await world.beat("n1")
            found = await world.pods()
            stranded = [one for one in found if one["spec"].get("nodeName") == "n2"]
            here = [one for one in found if one["spec"].get("nodeName") == "n1"]
            return (
                len(here) == 2
                and all("deletionTimestamp" in one["metadata"] for one in stranded)
                and stranded
            )

        (stranded,) = await world.eventually(moved)
        node = await world.get("/api/v1/nodes/n2")
        assert node["status"]["conditions"][0]["reason"] == "NodeStatusUnknown"
        conditions = {one["type"]: one for one in stranded["status"]["conditions"]}
        assert conditions["Ready"]["status"] == "False"
        assert conditions["DisruptionTarget"]["reason"] == "DeletionByTaintManager"

    in_cluster(scenario, timings=replace(ControllerTimings(), node_grace_s=0.5))


def test_a_node_that_beats_through_its_lease_is_alive(in_cluster):
    async def scenario(world):
        lease = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "n1"}}
        await world.api.post(lease, body)
        beats = 0

        async def other_is_given_up():
            nonlocal beats
            beats += 1
            stamp = f"2026-01-01T00:00:00.{beats:06d}Z"
            await world.api.patch(f"{lease}/n1", {"spec": {"holderIdentity": "n1", "renewTime": stamp}})
            return (await world.get("/api/v1/nodes/n2"))["status"]["conditions"][0]["status"] == "Unknown"

        await world.eventually(other_is_given_up)
        assert (await world.get("/api/v1/nodes/n1"))["status"]["conditions"][0]["status"] == "True"

    in_cluster(scenario, timings=replace(ControllerTimings(), node_grace_s=1.5))


def test_a_taint_evicts_when_patience_ends_and_spares_who_tolerates_it(in_cluster):
    async def scenario(world):
        await world.add_namespace()
        tolerant = [{"key": "own", "operator": "Exists"}]
        for name, tolerations in (("meek", []), ("tolerant", tolerant)):
            body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}}
            await world.api.post(
                f"/api/v1{SHOP}/pods",
                {**body, "spec": {**world.template()["spec"], "tolerations": tolerations}},
            )

        async def both_run():
            return [one["status"]["phase"] for one in await world.pods()] == ["Running", "Running"]

        await world.eventually(both_run)
        taint = [{"key": "own", "value": "x", "effect": "NoExecute"}]
        await world.api.patch("/api/v1/nodes/n1", {"spec": {"taints": taint}})

        async def one_left():
            return [one["metadata"]["name"] for one in await world.pods()] == ["tolerant"]

        await world.eventually(one_left)
        assert "TaintManagerEviction" in {reason for reason, _ in await world.events("meek")}

    in_cluster(scenario, nodes=1)


def test_a_pod_that_fits_nowhere_is_told_why_and_runs_when_there_is_room(in_cluster):
    async def scenario(world):
        await world.add_namespace()
        request = {"resources": {"requests": {"cpu": "3"}}}
        for name in ("first", "second"):
            body = {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name},
                "spec": world.template(container=request)["spec"],
            }
            await world.api.post(f"/api/v1{SHOP}/pods", body)

        async def told():
            return [
                message for reason, message in await world.events("second") if reason == "FailedScheduling"
            ]

        (message,) = await world.eventually(told)
        assert message.startswith("0/1 nodes are available: 1 Insufficient cpu.")
        await world.api.delete(f"/api/v1{SHOP}/pods/first")

        async def runs():
            return (await world.get(f"/api/v1{SHOP}/pods/second"))["status"]["phase"] == "Running"

        await world.eventually(runs)

    in_cluster(scenario, nodes=1)


def test_cordoned_nodes_get_nothing_new(in_cluster):
    async def scenario(world):
        await world.api.patch("/api/v1/nodes/n1", {"spec": {"unschedulable": True}})
        await world.deployed(3)
        assert {one["spec"]["nodeName"] for one in await world.pods()} == {"n2"}

    in_cluster(scenario)


def test_pods_of_a_node_that_was_deleted_are_removed(in_cluster):
    async def scenario(world):
        await world.deployed(2)
        world.silent_nodes.add("n2")
        await world.api.delete("/api/v1/nodes/n2")

        async def moved():
            return [one["spec"].get("nodeName") for one in await world.pods()] == ["n1", "n1"]

        await world.eventually(moved)

    in_cluster(scenario, timings=replace(ControllerTimings(), lost_pod_s=0.1))


def test_a_quota_shows_what_is_used(in_cluster):
    async def scenario(world):
        await world.deployed(2)
        await world.add("ResourceQuota", "few", {"hard": {"pods": "5", "configmaps": "9"}}, group="v1")

        async def counted():
            return (await world.get(f"/api/v1{SHOP}/resourcequotas/few"))["status"].get("used")

        assert await world.eventually(counted) == {"pods": "2", "configmaps": "1"}

    in_cluster(scenario)


def test_objects_of_custom_resources_are_collected_too(in_cluster):
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object"}},
                }
            ],
        },
    }
    widgets = f"/apis/example.com/v1{SHOP}/widgets"

    async def scenario(world):
        await world.add_namespace()
        await world.api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
        await world.eventually(lambda: world.get(widgets))
        body = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
        widget = await world.api.post(widgets, body)
        reference = {
            "apiVersion": "example.com/v1",
            "kind": "Widget",
            "name": "w",
            "uid": widget["metadata"]["uid"],
        }
        child = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "child", "ownerReferences": [reference]},
        }
        await world.api.post(f"/api/v1{SHOP}/configmaps", child)
        await world.api.delete(f"{widgets}/w")
        await world.eventually(lambda: _is_gone(world, f"/api/v1{SHOP}/configmaps/child"))

    in_cluster(scenario)
