"""メンバー: whose results differ by more than luck, and whom to help with what."""
