"""Computing sites: what each wants of jobs, and what a project has by default there."""
