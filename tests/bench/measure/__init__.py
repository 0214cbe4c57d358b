"""What tests/bench/run.sh measures: a module for each part, beside what they share."""
