"""The page 目標の配分: what chance does everybody get, and what is stored?"""
