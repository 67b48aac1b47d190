"""The notebook's side in real shells and kernels."""
