countersign_unit_test(policy ROOMS guard)
countersign_unit_test(caller ROOMS guard)
