"""Which reports are there, as workbooks and as pages in one file?"""
