countersign_unit_test(envelope ROOMS content)
foreach(part import_har import_http import_curl)
    countersign_unit_test(${part} ROOMS compare)
endforeach()
