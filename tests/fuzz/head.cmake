countersign_fuzz_target(head ROOMS base)
