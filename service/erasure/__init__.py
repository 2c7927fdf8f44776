"""How is a name taken out of everything that is stored, while every number stays as it is?"""
