from charm4py import Chare


class Bye(Chare):
    def say(self):
        return "bye", G1

    def done(self, cb):
        self.reduce(cb)


class Same(Chare):
    def who(self):
        return "bye.Same"
