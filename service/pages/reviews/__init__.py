"""週次会議: the meeting in its order, from what was agreed before to what is agreed now."""
