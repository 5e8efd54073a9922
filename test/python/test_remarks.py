"""Remarks in LLVM's YAML."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

from sparse24.remarks import parse_remarks, read_remarks

TEXT = """\
--- !Passed
Pass:            sparse24
Name:            sparse24-detect
DebugLoc:        { File: '<unknown file>', Line: 0, Column: 0 }
Function:        layer_0
Args:
  - Remark:          becomes sparse after pruning
  - Layer:           layer_0
  - M:               '?'
  - NormKept:        '0.8702'
...
--- !Missed
Pass:            sparse24
Name:            sparse24-detect
Function:        layer_1
Args:
  - Remark:          stays dense
  - Reason:          'the weight''s 3 groups: violate'
  - Fix:             "say \\"prune=magnitude\\""
...
"""


def test_parse():
    taken, missed = parse_remarks(TEXT)
    assert taken.is_taken and not missed.is_taken
    assert (taken.function, taken.name, taken.message) == (
        "layer_0", "sparse24-detect", "becomes sparse after pruning")
    assert taken.number("NormKept") == 0.8702
    assert taken.number("M", -1) == -1
    assert taken.number("absent") is None
    assert missed.arguments == {"Reason": "the weight's 3 groups: violate", "Fix": 'say "prune=magnitude"'}


def test_nothing(tmp_path):
    assert parse_remarks("") == []
    assert read_remarks(tmp_path / "absent.yaml") == []
