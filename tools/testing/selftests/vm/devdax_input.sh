#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Tests what gup_test's ioctls answer to bad requests.
. "$(dirname "$0")/devdax_lib.sh"

begin_tests
harness input gup_input_test
end_tests
