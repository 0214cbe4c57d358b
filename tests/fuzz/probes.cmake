countersign_fuzz_target(probe_answer ROOMS doctor base)
