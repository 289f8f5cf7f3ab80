"""The package in a real guest: Debian 12 with systemd, 512 MiB and no swap. See CONTRIBUTING.md."""
