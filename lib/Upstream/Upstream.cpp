// Gives Upstream.h a target that others take it from.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
