"""What product services import to have each request answered by the model that it needs, and no dearer one."""
