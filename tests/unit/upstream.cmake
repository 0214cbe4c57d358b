# One harness (upstream_harness*.c): servers in threads, real sockets.
foreach(part upstream upstream_answers upstream_once upstream_failures upstream_route upstream_tls)
    countersign_unit_test(${part} ROOMS upstream base LIBRARIES OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
    target_sources(test_${part} PRIVATE unit/upstream_harness_server.c unit/upstream_harness_client.c)
    # A failed assertion can leave a server's thread waiting for a client that never comes.
    set_tests_properties(unit.${part} PROPERTIES TIMEOUT 120)
endforeach()

countersign_unit_test(answer_reader ROOMS upstream base)

# The same with upstream_rig.c: connections, whoever uses them.
foreach(part upstream_wire upstream_idle upstream_tls_messages upstream_tickets upstream_queue upstream_repeat upstream_connect
    upstream_age upstream_cancel upstream_warm upstream_cold upstream_flood)
    countersign_unit_test(${part} ROOMS upstream base LIBRARIES OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
    target_sources(test_${part} PRIVATE unit/upstream_rig.c unit/upstream_harness_server.c unit/upstream_harness_client.c)
    set_tests_properties(unit.${part} PROPERTIES TIMEOUT 120)
endforeach()
target_sources(test_upstream_tickets PRIVATE unit/tls_by_hand.c)
foreach(part upstream_connect upstream_age)
    target_sources(test_${part} PRIVATE unit/upstream_clock.c)
    target_link_libraries(test_${part} PRIVATE ${CMAKE_DL_LIBS})
endforeach()
