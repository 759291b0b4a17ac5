"""What runs in and around the containers of docker-compose.yaml: docs/deployment.md."""
