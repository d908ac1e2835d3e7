"""Print the configuration with which graphs are to be made for this plugin."""

print("[general]\nstudy_name = none\n\n[graph-generation]\nneighbours = 4\nroi_area = none")
