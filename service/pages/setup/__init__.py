"""設定・取込: from a file to the first forecast, in five steps on one page."""
