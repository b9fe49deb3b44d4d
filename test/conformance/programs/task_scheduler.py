"""A scheduler hands functions to workers and answers through callbacks. Rows: §17 dist-task-scheduler, §5.4."""

from charm4py import charm, Chare, Group, Future


def square(x):
    return x * x


def fail(x):
    raise ValueError(x)


class Job:

    def __init__(self, id, func, tasks, cb):
        self.id, self.func, self.cb = (id, func, cb)
        self.tasks = list(enumerate(tasks))
        self.results = [None] * len(self.tasks)
        self.left = len(self.tasks)


class Scheduler(Chare):

    def __init__(self):
        self.workers = Group(Worker, args=[self.thisProxy])
        self.idle = set(range(charm.numPes()))
        if charm.numPes() > 1:
            self.idle.discard(0)
        self.jobs = {}
        self.next = 0

    def map_async(self, func, tasks, callback):
        self.jobs[self.next] = Job(self.next, func, tasks, callback)
        self.next += 1
        self.schedule()

    def schedule(self):
        for job in list(self.jobs.values()):
            while job.tasks and self.idle:
                pe = self.idle.pop()
                tid, t = job.tasks.pop()
                self.workers[pe].apply(job.func, t, tid, job.id)
            if not self.idle:
                return

    def taskDone(self, pe, tid, jid, result):
        self.idle.add(pe)
        job = self.jobs[jid]
        job.results[tid] = result
        job.left -= 1
        if job.left == 0:
            del self.jobs[jid]
            job.cb(job.results)
        self.schedule()


class Worker(Chare):

    def __init__(self, sched):
        self.sched = sched

    def apply(self, func, arg, tid, jid):
        try:
            r = func(arg)
        except Exception as e:
            r = repr(e)
        self.sched.taskDone(self.thisIndex, tid, jid, r)


def main(args):
    s = Chare(Scheduler, onPE=0)
    f1, f2, f3 = (Future(), Future(), Future())
    s.map_async(square, range(30), callback=f1)
    s.map_async(func=square, tasks=[1, 3.5], callback=f2)
    s.map_async(fail, [1], f3)
    assert f1.get() == [x * x for x in range(30)]
    assert f2.get() == [1, 12.25]
    assert f3.get() == ["ValueError(1)"]
    print("OK")
    exit()


charm.start(main)
