"""Work that outlives a run of a page: threads, and leases on pairs."""
