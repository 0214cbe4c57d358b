countersign_fuzz_target(caller ROOMS guard base)
