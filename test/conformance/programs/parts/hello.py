from charm4py import Chare


class Hello(Chare):
    def __init__(self):
        assert G1 == "hello"

    def say(self):
        return "hello"

    def done(self, cb):
        self.reduce(cb)


class Same(Chare):
    def who(self):
        return "hello.Same"
