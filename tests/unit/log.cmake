# `countersign log`'s words: times, filters, ids.
countersign_unit_test(log_time ROOMS cli)
countersign_unit_test(log_filter ROOMS cli)
countersign_unit_test(progress ROOMS cli)
countersign_unit_test(log_id ROOMS cli LIBRARIES PkgConfig::SQLITE Threads::Threads)
target_sources(test_log_id PRIVATE unit/capture_fixture.c)
