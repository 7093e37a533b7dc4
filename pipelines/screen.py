class Screen:
    def __init__(self, topic): pass
    def may_match_any(self, pages): return True
