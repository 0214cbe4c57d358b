countersign_fuzz_target(mock ROOMS mock)
countersign_fuzz_target(mock_switch ROOMS mock)
