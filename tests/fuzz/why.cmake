countersign_fuzz_target(why ROOMS doctor capture base)
