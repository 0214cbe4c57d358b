countersign_unit_test(probes ROOMS doctor base)
