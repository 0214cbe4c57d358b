countersign_unit_test(config ROOMS config)
countersign_unit_test(config_sources ROOMS config)
countersign_unit_test(config_callers ROOMS config)
