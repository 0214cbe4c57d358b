countersign_fuzz_target(caller ROOMS guard base)
countersign_fuzz_target(ruling ROOMS guard base)
