countersign_unit_test(front ROOMS front base)
countersign_unit_test(front_reply ROOMS front base)
countersign_unit_test(front_lifetime ROOMS front base)
countersign_unit_test(front_tls ROOMS front base LIBRARIES OpenSSL::SSL Threads::Threads)
