"""Workloads at work: in a real API server in this process, with played kubelets."""

import pytest

SHOP = "/namespaces/shop"


DEPLOYMENT = f"/apis/apps/v1{SHOP}/deployments/web"


def test_a_lost_pod_is_replaced_and_its_story_told(in_cluster):
    async def scenario(world):
        await world.deployed()
        lost = (await world.pods())[0]["metadata"]
        await world.api.delete(f"/api/v1{SHOP}/pods/{lost['name']}")

        async def replaced():
            found = [one for one in await world.pods() if one["metadata"]["uid"] != lost["uid"]]
            return len(found) == 3

        await world.eventually(replaced)
        await world.status_reaches(DEPLOYMENT, availableReplicas=3)
        assert ("ScalingReplicaSet", "Scaled up replica set") in {
            (reason, message[:21]) for reason, message in await world.events("web")
        }
        reasons = [reason for reason, _ in await world.events((await world.pods())[0]["metadata"]["name"])]
        assert reasons == ["Scheduled"]

    in_cluster(scenario)


def test_pods_spread_over_the_nodes(in_cluster):
    async def scenario(world):
        await world.deployed(6)
        nodes = sorted(one["spec"]["nodeName"] for one in await world.pods())
        assert nodes == ["n1", "n1", "n2", "n2", "n3", "n3"]

    in_cluster(scenario, nodes=3)


@pytest.mark.parametrize("strategy", [{"type": "Recreate"}, {"type": "RollingUpdate"}])
def test_a_new_template_rolls_out_and_can_be_rolled_back(in_cluster, strategy):
    async def scenario(world):
        await world.deployed(3, strategy=strategy)
        for image, revision in (("y", "2"), ("x", "3")):
            await world.api.patch(DEPLOYMENT, {"spec": {"template": world.template(image)}})
            await world.status_reaches(DEPLOYMENT, updatedReplicas=3, replicas=3, availableReplicas=3)
            annotations = (await world.get(DEPLOYMENT))["metadata"]["annotations"]
            assert annotations["deployment.kubernetes.io/revision"] == revision
        sets = (await world.get(f"/apis/apps/v1{SHOP}/replicasets"))["items"]
        assert sorted(one["spec"]["replicas"] for one in sets) == [0, 3]

    in_cluster(scenario)


def test_a_rollout_that_never_gets_ready_leaves_the_old_pods_and_is_stuck(in_cluster):
    async def scenario(world):
        world.never_ready.add("broken")
        await world.deployed(3)
        change = {"progressDeadlineSeconds": 1, "template": world.template("broken")}
        await world.api.patch(DEPLOYMENT, {"spec": change})

        async def stuck():
            conditions = (await world.get(DEPLOYMENT))["status"]["conditions"]
            return {one["type"]: one["reason"] for one in conditions if one["status"] == "False"}

        assert await world.eventually(stuck) == {"Progressing": "ProgressDeadlineExceeded"}
        await world.status_reaches(DEPLOYMENT, availableReplicas=3, unavailableReplicas=1)

    in_cluster(scenario)


def test_a_statefulset_keeps_names_and_rolls_from_the_top(in_cluster):
    path = f"/apis/apps/v1{SHOP}/statefulsets/db"

    async def scenario(world):
        await world.add_namespace()
        await world.add("StatefulSet", "db", {**world.workload(3, app="db"), "serviceName": "db"})
        await world.status_reaches(path, availableReplicas=3)
        assert [one["metadata"]["name"] for one in await world.pods()] == ["db-0", "db-1", "db-2"]
        await world.api.patch(path, {"spec": {"template": world.template("y", "db")}})
        await world.status_reaches(path, updatedReplicas=3, availableReplicas=3)
        removed = [
            message.split()[2] for reason, message in await world.events("db") if reason == "SuccessfulDelete"
        ]
        assert removed == ["db-2", "db-1", "db-0"]

    in_cluster(scenario)


def test_a_daemon_runs_on_every_node_also_on_those_that_come_later(in_cluster):
    path = f"/apis/apps/v1{SHOP}/daemonsets/agent"

    async def scenario(world):
        await world.add_namespace()
        spec = world.workload(0, app="agent")
        del spec["replicas"]
        await world.add("DaemonSet", "agent", spec)
        await world.status_reaches(path, numberAvailable=2)
        await world.add_node("n3")
        await world.status_reaches(path, numberAvailable=3, desiredNumberScheduled=3)
        await world.api.patch(path, {"spec": {"template": world.template("y", "agent")}})
        await world.status_reaches(path, numberAvailable=3, updatedNumberScheduled=3)

    in_cluster(scenario)


@pytest.mark.parametrize(("image", "expected"), [("ends-well", "Complete"), ("ends-badly", "Failed")])
def test_a_job_runs_to_its_end(in_cluster, image, expected):
    async def scenario(world):
        await world.add_namespace()
        spec = {
            "completions": 2,
            "parallelism": 2,
            "backoffLimit": 1,
            "template": world.template(image, restartPolicy="Never"),
        }
        await world.add("Job", "once", spec, group="batch/v1")

        async def ended():
            status = (await world.get(f"/apis/batch/v1{SHOP}/jobs/once"))["status"]
            return [one["type"] for one in status.get("conditions", ()) if one["type"] == expected] and status

        status = await world.eventually(ended)
        assert status.get("succeeded", 0) == (2 if expected == "Complete" else 0)
        assert status.get("failed", 0) >= (0 if expected == "Complete" else 2)
        assert not any(one["metadata"].get("finalizers") for one in await world.pods())

    in_cluster(scenario)
