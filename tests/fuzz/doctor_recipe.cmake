countersign_fuzz_target(recipe ROOMS doctor scheme base)
