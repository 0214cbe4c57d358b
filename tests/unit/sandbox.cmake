countersign_unit_test(sandbox_signer ROOMS signer sandbox)
countersign_unit_test(sandbox_proxy ROOMS service sandbox LIBRARIES Threads::Threads)
countersign_unit_test(command_runner ROOMS signer)
