"""§17: a task scheduler of actors: workers ask for work, futures as callbacks, functions as arguments, jobs in order."""
from charm4py import Chare, Group, charm, coro


def square(x):
    return x * x


def word(x):
    return 'w' * x


class Scheduler(Chare):
    def __init__(self):
        self.jobs = {}
        self.queue = []
        self.idle = []
        self.next = 0
        self.workers = Group(Worker, args=[self.thisProxy])

    def map(self, func, items, cb):
        job = self.next
        self.next += 1
        self.jobs[job] = [[None] * len(items), len(items), cb]
        for i, x in enumerate(items):
            self.queue.append((job, i, func, x))
        self.feed()

    def feed(self):
        while self.queue and self.idle:
            w = self.idle.pop()
            job, i, func, x = self.queue.pop(0)
            self.workers[w].run(func, x, (job, i))

    def finished(self, w, tag, result):
        if tag is not None:
            job, i = tag
            rec = self.jobs[job]
            rec[0][i] = result
            rec[1] -= 1
            if rec[1] == 0:
                del self.jobs[job]
                rec[2](rec[0])
        self.idle.append(w)
        self.feed()


class Worker(Chare):
    def __init__(self, sched):
        self.sched = sched
        self.done = 0
        sched.finished(self.thisIndex, None, None)

    def run(self, func, x, tag):
        self.done += 1
        self.sched.finished(self.thisIndex, tag, func(x))

    def count(self):
        return self.done


class Client(Chare):
    @coro
    def use(self, sched, base):
        f1, f2 = charm.Future(), charm.Future()
        sched.map(square, list(range(base, base + 30)), f1)
        sched.map(word, [1, 2, 3], f2)
        assert f2.get() == ['w', 'ww', 'www']
        assert f1.get() == [x * x for x in range(base, base + 30)]
        return base


def main(args):
    sched = Chare(Scheduler, onPE=0)
    clients = Group(Client)
    fs = [clients.use(sched, b, ret=True) for b in range(3)]
    assert [f.get() for f in fs] == [[b] * charm.numPes() for b in range(3)]
    print('OK')
    exit()


charm.start(main)
