"""What a run will need, told from its composed config: memory, compute, time and disk.

    cfg -> architecture -> size      weights, counted on the meta device
                        -> trace     what one forward and backward pass keeps, on fake tensors
    size, trace, hardware -> memory  bytes of a device at its worst moment
    size, hardware, stores -> cost   GPU-hours and disk

No model is allocated and nothing is fetched: what cannot be known here is an `Unknown` that says
why.
"""
