countersign_unit_test(redaction ROOMS capture base)
countersign_unit_test(fingerprint ROOMS capture base LIBRARIES OpenSSL::Crypto)
# Programs on one fixture (capture_fixture.c): real files in a scratch folder.
foreach(part ring journal capture recorder recovery reader query prune)
    countersign_unit_test(${part} ROOMS capture base LIBRARIES PkgConfig::SQLITE Threads::Threads)
    target_sources(test_${part} PRIVATE unit/capture_fixture.c)
    set_tests_properties(unit.${part} PROPERTIES TIMEOUT 300)
endforeach()
