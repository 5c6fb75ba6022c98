"""What windtunnel runs on: the embedded lab and the manifests for real clusters."""
