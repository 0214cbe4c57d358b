countersign_fuzz_target(frame ROOMS capture base)
countersign_fuzz_target(redaction ROOMS capture base)
countersign_fuzz_target(store ROOMS capture base)
