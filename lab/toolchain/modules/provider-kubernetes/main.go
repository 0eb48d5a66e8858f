// The Kubernetes provider plugin of Pulumi, served from its published Go module.
//
// The module's own main package cannot be built from its zip, because its generated files are not in it.
// What this one needs of them, schema.json, is in the zip: the builder copies it beside this file.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

// Only the Terraform converter reads the Terraform mapping, and the lab has no use for it.
const noTerraformMapping = "{}"

//go:embed schema.json
var schema []byte

// released is set by the builder.
var released string

func main() {
	version.Version = released
	provider.Serve("kubernetes", version.Version, schema, []byte(noTerraformMapping))
}
