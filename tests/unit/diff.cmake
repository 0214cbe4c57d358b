# Programs on one fixture (diff_fixture.h): records made by hand.
foreach(part diff diff_verdict diff_json diff_bounds)
    countersign_unit_test(${part} ROOMS compare capture base)
endforeach()
countersign_unit_test(diff_output ROOMS cli)
