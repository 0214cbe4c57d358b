countersign_unit_test(mock ROOMS mock LIBRARIES OpenSSL::Crypto PkgConfig::CJSON Threads::Threads)
countersign_unit_test(mock_orders ROOMS mock LIBRARIES OpenSSL::Crypto PkgConfig::CJSON Threads::Threads)
countersign_unit_test(mock_market ROOMS mock LIBRARIES OpenSSL::Crypto PkgConfig::CJSON Threads::Threads)
countersign_unit_test(mock_tls ROOMS mock LIBRARIES OpenSSL::SSL OpenSSL::Crypto PkgConfig::CJSON Threads::Threads)
