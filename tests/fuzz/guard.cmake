countersign_fuzz_target(ruling ROOMS guard base)
