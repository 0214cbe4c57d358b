countersign_fuzz_target(ring ROOMS capture base)
