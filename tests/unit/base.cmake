countersign_unit_test(base ROOMS base)
countersign_unit_test(loop ROOMS base LIBRARIES Threads::Threads)
countersign_unit_test(content ROOMS base content LIBRARIES PkgConfig::ZLIB)
countersign_unit_test(decimal ROOMS base)
