"""The Pulumi program itself, up to its provider, which writes YAML in place of talking to a cluster.

Hooks work in the running deployment, of which there is none.
"""

import os

import pulumi

from jellyfin_ha.infra.configuration import read_settings
from jellyfin_ha.infra.stack import deploy
from jellyfin_ha.operations.errors import UserError


def rendered(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult:
    """Gives the provider a folder, and takes the hooks away."""
    args.opts.hooks = None
    props = dict(args.props)
    if args.type_ == "pulumi:providers:kubernetes":
        props["renderYamlToDirectory"] = os.environ["RENDERED"]
    return pulumi.ResourceTransformResult(props, args.opts)


pulumi.runtime.register_resource_transform(rendered)
try:
    deploy(read_settings(), stack=pulumi.get_stack(), kubeconfig=None, context=None).export()
except UserError as error:
    raise pulumi.RunError(str(error)) from None
