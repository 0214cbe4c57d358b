countersign_fuzz_target(share ROOMS compare)
