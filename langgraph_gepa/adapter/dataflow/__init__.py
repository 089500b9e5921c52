"""Reading the code of nodes: which texts reach a model, and how."""
