countersign_fuzz_target(config ROOMS config)
