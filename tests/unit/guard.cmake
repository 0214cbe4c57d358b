countersign_unit_test(policy ROOMS guard)
