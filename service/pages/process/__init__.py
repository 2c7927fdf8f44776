"""営業プロセス: where deals are lost, and what that costs."""
