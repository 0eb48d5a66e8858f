"""The Pulumi program: `pulumi up -s <stack>`."""

import pulumi

from jellyfin_ha.infra.configuration import read_settings
from jellyfin_ha.infra.stack import deploy
from jellyfin_ha.operations.errors import UserError

try:
    cluster = pulumi.Config("kubernetes")
    deploy(
        read_settings(),
        stack=pulumi.get_stack(),
        kubeconfig=cluster.get("kubeconfig"),
        context=cluster.get("context"),
    ).export()
except UserError as error:
    raise pulumi.RunError(str(error)) from None
