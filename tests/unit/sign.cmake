countersign_unit_test(sign_curl ROOMS cli)
