"""A cluster in which something of everything is broken, and settings from the environment."""

import os
from types import SimpleNamespace
from typing import Any


class BaseSettings:
    def __init__(self) -> None:
        for name in type(self).__annotations__:
            setattr(self, name, os.environ.get(name.upper(), getattr(self, name, "")))


class Some(SimpleNamespace):
    """An object of the cluster: what is not told of it is None."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)


def pod(name: str, phase: str) -> Some:
    state = Some(waiting=Some(reason="CrashLoopBackOff"))
    container = Some(name="app", image="app:1", ready=False, restart_count=6, state=state)
    status = Some(phase=phase, container_statuses=[container])
    return Some(metadata=Some(name=name, namespace="default"), spec=Some(node_name="one"), status=status)


class Api:
    def list_namespaced_pod(self, namespace: str) -> Some:
        return Some(items=[pod("first", "Failed"), pod("second", "Pending")])

    def read_namespaced_pod_log(self, **_: Any) -> str:
        raise ValueError("no such pod")

    def list_namespaced_deployment(self, namespace: str) -> Some:
        template = Some(spec=Some(containers=[Some(image="app:1")]))
        spec = Some(replicas=2, template=template)
        return Some(
            items=[Some(metadata=Some(name="app", namespace=namespace), spec=spec, status=Some(ready_replicas=1))]
        )

    def list_node(self) -> Some:
        status = Some(conditions=[Some(type="Ready", status="False", reason="KubeletNotReady")])
        return Some(items=[Some(metadata=Some(name="one"), spec=Some(unschedulable=True), status=status)])

    def list_namespaced_service(self, namespace: str) -> Some:
        spec = Some(type="ClusterIP", cluster_ip="10.0.0.1")
        return Some(items=[Some(metadata=Some(name="app", namespace=namespace), spec=spec)])

    def list_namespaced_event(self, namespace: str) -> Some:
        return Some(items=[Some(type="Warning", reason="BackOff", message="Back-off restarting failed container")])


def prepare() -> None:
    import kubernetes
    import pydantic_settings

    kubernetes.client = SimpleNamespace(CoreV1Api=Api, AppsV1Api=Api)
    pydantic_settings.BaseSettings = BaseSettings
