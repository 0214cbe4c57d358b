countersign_fuzz_target(running ROOMS service)
