"""What watched model calls tell of a graph's prompts: which arrived, and which are known from nowhere else."""
