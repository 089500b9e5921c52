"""One optimisation on disk, from the settings it was given to the result it gives back."""
