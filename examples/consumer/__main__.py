"""A tile for Jellyfin on a Homepage dashboard (https://gethomepage.dev), kept true by the stack that runs Jellyfin."""

import pulumi
import pulumi_kubernetes as k8s
import yaml

from jellyfin_ha.infra.outputs import JellyfinHaOutputs, Selectors, Service

config = pulumi.Config()
jellyfin = JellyfinHaOutputs.from_stack(config.require("jellyfin"))


def tile(url: str, namespace: str, service: Service, selectors: Selectors) -> str:
    """Homepage's services.yaml."""
    return yaml.safe_dump(
        [
            {
                "Media": [
                    {
                        "Jellyfin": {
                            "href": url,
                            "icon": "jellyfin.png",
                            # Asked from inside the cluster, past whatever stands in front of the URL.
                            "siteMonitor": f"http://{service['name']}.{namespace}.svc:{service['port']}/health",
                            # Homepage counts the pods that are ready and shows their load. Sorted: the labels
                            # arrive in any order, and another text would be a change.
                            "namespace": namespace,
                            "app": service["name"],
                            "podSelector": ",".join(
                                f"{key}={value}" for key, value in sorted(selectors["server"].items())
                            ),
                        }
                    }
                ]
            }
        ],
        sort_keys=False,
    )


dashboard = k8s.core.v1.ConfigMap(
    "homepage-services",
    metadata=k8s.meta.v1.ObjectMetaArgs(name="homepage-services", namespace=config.require("namespace")),
    data={
        "services.yaml": pulumi.Output.all(
            jellyfin.url, jellyfin.namespace, jellyfin.service, jellyfin.selectors
        ).apply(lambda found: tile(*found))
    },
)
pulumi.export("config_map", dashboard.metadata.name)
