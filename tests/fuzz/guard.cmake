countersign_fuzz_target(caller ROOMS guard base)
countersign_fuzz_target(ruling ROOMS guard base)
countersign_fuzz_target(order_limit ROOMS guard)
target_link_libraries(fuzz_order_limit PRIVATE PkgConfig::CJSON m) # the reader that is asked as well
countersign_fuzz_target(trading_state ROOMS guard)
