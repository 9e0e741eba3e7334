"""`samekind compare`: the same encoder, images, steps, views and seeds under every method, one small file a finished trial.

    methods    what is compared: the rows of the table and the points of the curves
    settings   what was asked for
    budget     steps or seconds; seconds become steps once
    trials      definition of a trial, its file, the lookup of finished ones
    plan       which trials are wanted
    worker     the child process that computes one trial (`launch` starts and stops it, `machine` says on what it runs)
    runner     what is missing is computed (`clock` says how long that takes)
    summary    mean and deviation over seeds
    results    tables, plots and CSV of all that is there (`report`, `plots`)

The package is not called `compare` because that is the function's name in the facade, which a submodule would hide.
"""
