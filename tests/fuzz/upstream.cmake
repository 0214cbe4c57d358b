countersign_fuzz_target(answer ROOMS upstream base)
