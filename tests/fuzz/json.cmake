countersign_fuzz_target(json_scan ROOMS base)
