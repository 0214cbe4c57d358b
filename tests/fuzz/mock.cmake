countersign_fuzz_target(mock ROOMS mock)
