"""An index over HTTP: `samekind serve`, and the client that talks to it.

`run` listens and runs uvicorn, `app` puts together routes, guard and workers, `guard` admits requests, `workers` are the threads in which
all reading and computing happens, `batching` joins searches that come together, `held_index` is the index as it is on disk now,
`schemas` are the bodies, `client` is the Python client, which needs neither FastAPI nor uvicorn.
"""
