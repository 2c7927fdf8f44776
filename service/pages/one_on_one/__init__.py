"""1on1シート: facts first, what the person says, one next step; on one sheet of paper."""
