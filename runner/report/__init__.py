"""What people see, drawn from the JSON documents and from nothing else."""
