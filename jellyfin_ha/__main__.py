"""What Pulumi runs when it uses this package as a plugin: `python -m pulumi.run.plugin jellyfin-ha <engine>`."""

from jellyfin_ha.components.provider import main

if __name__ == "__main__":
    main()
