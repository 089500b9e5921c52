"""The HTML page of a run: its template, the geometry of its drawings, and the diffs of its texts."""
