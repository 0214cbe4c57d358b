countersign_unit_test(json_scan ROOMS base)
countersign_unit_test(terminal ROOMS cli)
countersign_unit_test(log_output ROOMS cli)
