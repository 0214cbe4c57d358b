countersign_unit_test(recipe ROOMS doctor scheme base)
