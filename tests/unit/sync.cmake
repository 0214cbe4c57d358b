countersign_unit_test(sync ROOMS capture base LIBRARIES PkgConfig::SQLITE Threads::Threads)
target_sources(test_sync PRIVATE unit/capture_fixture.c)
