countersign_fuzz_target(envelope ROOMS content base)
