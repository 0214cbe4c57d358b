countersign_fuzz_target(front ROOMS front base)
