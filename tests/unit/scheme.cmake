countersign_unit_test(scheme ROOMS scheme LIBRARIES PkgConfig::CJSON)
