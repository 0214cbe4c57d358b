countersign_unit_test(policy ROOMS guard)
countersign_unit_test(rule ROOMS guard)
countersign_unit_test(learned ROOMS guard)
countersign_unit_test(caller ROOMS guard)
