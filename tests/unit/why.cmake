# What sets failures apart: statistics against numbers worked out elsewhere, features, and whole searches of made-up records.
foreach(part why why_fisher why_look)
    countersign_unit_test(${part} ROOMS doctor)
endforeach()
