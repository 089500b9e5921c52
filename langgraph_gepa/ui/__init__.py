"""The live page: runs served to a browser on this machine, while they are under way and afterwards."""
