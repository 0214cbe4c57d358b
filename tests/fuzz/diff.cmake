countersign_fuzz_target(diff ROOMS compare capture base)
