"""Issue 3, done when 5: one line per error of the contract: the row, what is done wrong, the error's type and text, its place.

Places: AT_CALL: raised where the wrong call stands, in a coroutine on PE 0; AT_START: charm.start() ends the job before
anything runs; AT_RECEIVER: a method of a chare fails, to which nobody listens, and the job ends with PE and method named.
"""

from __future__ import annotations

import pytest
from harness import fails, holds

PROGRAM = """
import asyncio, threading, warnings
from chariot import ArrayMap, Channel, when
from chariot.threads import NotThreadedError
warnings.simplefilter("ignore", DeprecationWarning)

class E(Chare):
    def __init__(self, *args):
        pass
    def m(self, a, b=2, *, c=3):
        return a
    def none(self):
        pass
    def raises(self):
        raise KeyError("gone")
    def waits(self, f):
        return f.get()
    def waits_condition(self):
        self.wait("True is False")
    def channel(self, remote):
        Channel(self, remote=remote)
    def receives(self):
        return Channel(self, remote=self.thisProxy[self.thisIndex]).recv()
    def own(self, name, *args, **named):
        return getattr(self, name)(*args, **named)
    @coro
    def co(self, name, *args, **named):
        return getattr(self, name)(*args, **named)

class Main2(Chare):
    def __init__(self, args):
        pass

class Unregistered:
    pass

def plain(x):
    return x

def fails(x):
    raise ValueError(f"no {x}")

def suspends(x):
    return Future().get()

class Unpicklable:
    def __reduce__(self):
        raise TypeError("stays here")

def main(args):
    g = Group(E)
    a = Array(E, 4)
    a2 = Array(E, (2, 3))
    s = Chare(E)
    charm.awaitCreation(g, a, a2, s)
    late = Future()
    late.send(1)
    late.get()
    local = threading.local()
    def in_thread(function):
        caught = []
        def body():
            try:
                function()
            except Exception as error:
                caught.append(error)
        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        if caught:
            raise caught[0]
    names = dict(globals(), **locals())
    for row, code, kind, words in TABLE:
        kinds = tuple(__builtins__.__dict__.get(k) or {"Charm4PyError": Charm4PyError, "NotThreadedError": NotThreadedError}[k] for k in kind.split("|"))
        try:
            exec(compile(code, row, "exec"), names)
        except Exception as error:
            check(f"{row}: {code}: type {type(error).__name__}: {error}", isinstance(error, kinds) and not isinstance(error, AssertionError))
            for word in words.split("|"):
                check(f"{row}: {code}: {word!r} is not in {error}", word in str(error))
            trace = error.__traceback__
            files = []
            while trace is not None:
                files.append(trace.tb_frame.f_code.co_filename)
                trace = trace.tb_next
            check(f"{row}: {code}: raised elsewhere: {files}", row in files)
        else:
            check(f"{row}: {code}: not refused", False)
    done()

from chariot import Charm4PyError
TABLE = __TABLE__
charm.start(main)
"""

# Row of the contract; the wrong code; its error; words of the text, with | between them.
AT_CALL = [
    # 3.1
    ("3.1 start twice", "charm.start(main)", "Charm4PyError", "start"),
    ("3.1 register", "charm.register(Unregistered)", "Charm4PyError|TypeError", "Unregistered"),
    ("3.1 abort takes a message", "charm.abort()", "TypeError", ""),
    # 3.3
    ("3.3 host", "charm.getHostPes(99)", "ValueError", "99"),
    ("3.3 PE", "charm.getPeHost(-1)", "ValueError", "-1"),
    ("3.3 PE", "charm.getPeHostRank('x')", "TypeError", ""),
    # 3.4
    ("3.4 awaitCreation", "charm.awaitCreation(5)", "Charm4PyError|TypeError", "int"),
    ("3.4 awaitCreation", "charm.awaitCreation(g)", "Charm4PyError", "awaited already"),
    ("3.4 awaitCreation", "charm.awaitCreation(g[0])", "Charm4PyError", "awaitCreation"),
    ("3.4 wait", "charm.wait([1])", "TypeError", "int"),
    ("3.4 wait", "charm.wait(5)", "TypeError", ""),
    ("3.4 iwait", "list(charm.iwait([1]))", "TypeError", "int"),
    ("3.4 iwait needs len", "list(charm.iwait(f for f in [Future()]))", "TypeError", "len"),
    ("3.4 startQD", "charm.startQD(5)", "TypeError", ""),
    ("3.4 sleep", "charm.sleep(-1)", "ValueError", "-1"),
    ("3.4 sleep", "charm.sleep('x')", "TypeError", ""),
    ("3.4 timer", "charm.scheduleCallableAfter(5, 1)", "TypeError", "callable"),
    ("3.4 timer", "charm.scheduleCallableAfter(print, -1)", "ValueError", "-1"),
    # 3.5
    ("3.5 exec", "charm.thisProxy[0].exec('x = 1', ret=True).get()", "Charm4PyError", "remote_exec"),
    ("3.5 eval", "charm.thisProxy[0].eval('1', ret=True).get()", "Charm4PyError", "remote_exec"),
    ("3.5 updateGlobals", "charm.thisProxy.updateGlobals({'x': 1}, 'no_such_module', awaitable=True).get()", "Exception", "no_such_module"),
    # 3.7
    ("3.7 root", "charm.getTopoTreeEdges(0, 1, [0, 1])", "ValueError", ""),
    # 3.9
    ("3.9 option", "charm.options.local_msg_optimm = 1", "AttributeError", "local_msg_optim"),
    # 4.1
    ("4.1 class", "Chare(Unregistered)", "Charm4PyError|TypeError", "Unregistered"),
    ("4.1 class", "Chare(5)", "TypeError", "5"),
    ("4.1 PE", "Chare(E, onPE=99)", "ValueError", "99"),
    ("4.1 too many", "Chare(Main2, args=[1, 2])", "TypeError|Charm4PyError", ""),
    # 4.3
    ("4.3 reduce", "g[0].own('reduce', 5, awaitable=True).get()", "TypeError", ""),
    ("4.3 reducer", "g[0].own('contribute', 1, plain, late, awaitable=True).get()", "Charm4PyError", "addReducer"),
    ("4.3 wait", "g[0].waits_condition(awaitable=True).get()", "NotThreadedError", "E.waits_condition|@coro"),
    ("4.3 bad condition", "g[0].co('wait', 'self.', awaitable=True).get()", "SyntaxError|Charm4PyError|ValueError", "self."),
    # 5
    ("5 missing", "g[0].m()", "TypeError", "m()|a"),
    ("5 too many", "g[0].m(1, 2, 3)", "TypeError", "m()"),
    ("5 unknown name", "g[0].m(1, d=3)", "TypeError", "m()|d"),
    ("5 twice", "g[0].m(1, a=3)", "TypeError", "a"),
    ("5 no such method", "g.nothing()", "AttributeError", "nothing|E"),
    ("5 reserved", "g.contribute(1, None, None)", "AttributeError", "contribute"),
    ("5 dunder", "g.__nothing__()", "AttributeError", ""),
    ("5 exception", "g[0].raises(ret=True).get()", "KeyError", "gone"),
    ("5 exception of a broadcast", "g.raises(awaitable=True).get()", "KeyError", "gone"),
    ("5 unpicklable", "a.m(Unpicklable())", "TypeError", "stays here"),
    # 5.1
    ("5.1 dims", "a[1, 2]", "ValueError|IndexError", "dimension"),
    ("5.1 dims", "a2[1]", "ValueError|IndexError", "dimension"),
    ("5.1 index", "a['x']", "TypeError", "str"),
    ("5.1 PE", "g[99]", "IndexError", "99"),
    ("5.1 single", "s[5]", "IndexError|ValueError|TypeError", ""),
    # 6
    ("6.1 class", "Group(Unregistered)", "Charm4PyError|TypeError", "Unregistered"),
    ("6.2 neither", "Array(E)", "Charm4PyError|ValueError|TypeError", "dims"),
    ("6.2 inconsistent", "Array(E, (2, 2), ndims=3)", "Charm4PyError|ValueError", "dims"),
    ("6.2 dims", "Array(E, (1,) * 7)", "ValueError", "6"),
    ("6.2 dims", "Array(E, -1)", "ValueError", "-1"),
    ("6.2 dims", "Array(E, 'x')", "TypeError", ""),
    ("6.2 map", "Array(E, 4, map=5)", "TypeError|Charm4PyError", "map"),
    ("6.2 insert", "a2.ckInsert((1,))", "ValueError|IndexError", "dimension"),
    ("6.2 insert", "g.ckInsert(1)", "TypeError", ""),
    ("6.2 insert", "Array(E, ndims=1).ckInsert(1, onPE=99)", "ValueError", ""),
    ("6.2 done", "g.ckDoneInserting()", "TypeError", ""),
    ("0 destroy", "g[0].destroy()", "TypeError", "collection"),
    # 7
    ("7 num_vals", "Future(0)", "ValueError", "0"),
    ("7 outside", "g[0].waits(Future(), awaitable=True).get()", "NotThreadedError", "E.waits|@coro"),
    ("7 late", "late.send(2)", "Charm4PyError", "future"),
    ("7 timeout", "Future().get(timeout=0.01)", "TimeoutError", ""),
    ("7 timeout", "Future().get(timeout='x')", "TypeError", ""),
    ("0 cancel", "f = Future(); f.cancel(); f.get()", "Charm4PyError", "cancelled"),
    ("0 thread", "in_thread(lambda: g.none())", "Charm4PyError", "thread"),
    ("0 thread", "in_thread(lambda: Future())", "Charm4PyError|NotThreadedError", ""),
    ("0 asyncio", "in_thread(lambda: asyncio.run(asyncio.wait_for(late, 1)))", "Charm4PyError", "thread"),
    # 8
    ("8 when", "when('self.x ==')(plain)", "SyntaxError|Charm4PyError|ValueError", "self.x =="),
    ("8 when", "when(5)", "TypeError", ""),
    ("8 coro", "coro(5)", "TypeError", "int"),
    # 10
    ("10 duplicate", "Reducer.addReducer(plain); Reducer.addReducer(plain)", "Charm4PyError", "plain"),
    ("10 no such reducer", "Reducer.summ", "AttributeError", "sum"),
    # 11
    ("11 remote", "g[0].own('none'); Channel(5, remote=g[0])", "TypeError|Charm4PyError", ""),
    ("11 outside", "g[0].receives(awaitable=True).get()", "NotThreadedError", "E.receives"),
    # 12
    ("12 ncores", "charm.pool.map(plain, [1], ncores=0)", "ValueError", "ncores"),
    ("12 chunksize", "charm.pool.map(plain, [1], chunksize=0)", "ValueError", "chunksize"),
    ("12 function", "charm.pool.map(5, [1])", "TypeError", ""),
    ("12 iterable", "charm.pool.map(plain, 5)", "TypeError", ""),
    ("12 task", "charm.pool.Task(fails, (3,), ret=True).get()", "ValueError", "no 3"),
    ("12 map", "charm.pool.map(fails, [3, 4])", "ValueError", "no "),
    ("12 suspends", "charm.pool.map(suspends, [1])", "Charm4PyError", "suspends"),
]


@pytest.mark.parametrize("n", [1, 2])
def test_at_call(n: int) -> None:
    holds(PROGRAM.replace("__TABLE__", repr(AT_CALL)), n, timeout=60)


# Numbers and lists that public functions take: the parameter and the function by name, what is wanted, what came.
# The wrong code; words of the text, with | between them; TypeError, or with VALUE before it ValueError.
NUMBERS = [
    ("Future(1.5)", "Future(): num_vals must be an integer, not float"),
    ("Future('x')", "num_vals must be an integer, not str"),
    ("Future(num_vals=None)", "num_vals must be an integer, not NoneType"),
    ("VALUE Future(0)", "Future(): num_vals must be at least 1, not 0"),
    ("VALUE Future(2**64)", "num_vals must be an integer of 64 bits, not 18446744073709551616"),
    ("charm.createFuture(senders='x')", "createFuture(): senders must be an integer, not str"),
    ("Future().get('x')", "Future.get(): timeout must be a number of seconds, or None, not str"),
    ("VALUE Future().get(timeout=-1)", "timeout must be a number of seconds from 0, or None, not -1"),
    ("VALUE Future().get(float('nan'))", "timeout|not nan"),
    ("charm.wait([], timeout='x')", "charm.wait(): timeout must be a number of seconds, or None, not str"),
    ("VALUE charm.wait([], -1)", "charm.wait(): timeout|not -1"),
    ("charm.sleep('x')", "charm.sleep(): secs must be a number of seconds, not str"),
    ("charm.sleep(None)", "secs must be a number of seconds, not NoneType"),
    ("VALUE charm.sleep(-1)", "charm.sleep(): secs must be a number of seconds from 0|not -1"),
    ("charm.scheduleCallableAfter(print, 'x')", "charm.scheduleCallableAfter(): secs must be a number of seconds, not str"),
    ("charm.scheduleCallableAfter(print, 1, 5)", "scheduleCallableAfter(): args must be a list of arguments, not int"),
    ("charm.scheduleCallableAfter(5, 1)", "scheduleCallableAfter(): callable_obj must be callable, not int"),
    ("Chare(E, onPE='x')", "Chare(): onPE must be an integer, not str"),
    ("Chare(E, onPE=1.0)", "Chare(): onPE must be an integer, not float"),
    ("VALUE Chare(E, onPE=-2)", "Chare(): onPE must be from -1 to LAST, not -2"),
    ("VALUE Chare(E, onPE=2**70)", "Chare(): onPE must be from -1 to LAST, not 1180591620717411303424"),
    ("VALUE Chare(E, 99)", "Chare(): onPE must be from -1 to LAST, not 99"),
    ("Chare(E, args=5.5)", "E: args must be a list of the constructor's arguments, not float"),
    ("Group(E, args=5)", "E: args must be a list"),
    ("Group(E, onPE='x')", "onPE|Group()"),
    ("Array(E, 1.5)", "Array(): dims must be an int or 1 to 6 ints, not 1.5"),
    ("Array(E, (2, 'x'))", "Array(): dims must be an int or 1 to 6 ints, not (2, 'x')"),
    ("VALUE Array(E, 0)", "Array(): dims=0: each dimension must be at least 1"),
    ("VALUE Array(E, (2**40, 2**40))", "Array(): dims|too many"),
    ("Array(E, ndims='x')", "Array(): ndims must be an integer, not str"),
    ("VALUE Array(E, ndims=7)", "Array(): ndims must be from 1 to 6, not 7"),
    ("Array(E, 4, map=5)", "Array(): map must be"),
    ("a[1.5]", "integers, not float"),
    ("VALUE a[2**70]", "64-bit integers"),
    ("Array(E, ndims=1).ckInsert('x')", "integers, not str"),
    ("Array(E, ndims=1).ckInsert(1, onPE='x')", "ckInsert(): onPE must be an integer, not str"),
    ("VALUE Array(E, ndims=1).ckInsert(1, onPE=99)", "ckInsert(): onPE must be from -1 to LAST, not 99"),
    ("g[0].own('migrate', 'x', ret=True).get()", "migrate(): toPe must be an integer, not str"),
    ("VALUE g[0].own('migrate', -1, ret=True).get()", "migrate(): toPe must be|not -1"),
    ("charm.getHostPes('x')", "charm.getHostPes(): host must be an integer, not str"),
    ("VALUE charm.getHostFirstPe(99)", "charm.getHostFirstPe(): host must be 0, not 99"),
    ("charm.getHostNumPes(1.5)", "charm.getHostNumPes(): host must be an integer, not float"),
    ("charm.getPeHost('x')", "charm.getPeHost(): pe must be an integer, not str"),
    ("VALUE charm.getPeHostRank(99)", "charm.getPeHostRank(): pe must be|not 99"),
    ("charm.getTopoTreeEdges('x', 0)", "charm.getTopoTreeEdges(): pe must be an integer, not str"),
    ("VALUE charm.getTopoTreeEdges(0, 99)", "charm.getTopoTreeEdges(): root_pe must be|not 99"),
    ("charm.getTopoTreeEdges(0, 0, 5)", "charm.getTopoTreeEdges(): pes must be a list of PE numbers, not int"),
    ("charm.getTopoSubtrees(0, ['x'])", "charm.getTopoSubtrees(): pes must be an integer, not str"),
    ("charm.getTopoTreeEdges(0, 0, bfactor='x')", "charm.getTopoTreeEdges(): bfactor must be an integer, not str"),
    ("VALUE charm.getTopoSubtrees(0, [0], 0)", "charm.getTopoSubtrees(): bfactor must be at least 1, not 0"),
    ("charm.pool.map(plain, [1], chunksize='x')", "charm.pool.map(): chunksize must be an integer, not str"),
    ("VALUE charm.pool.map_async(plain, [1], 0)", "charm.pool.map_async(): chunksize must be at least 1, not 0"),
    ("charm.pool.submit([], ncores=1.5)", "charm.pool.submit(): ncores must be an integer, not float"),
    ("VALUE charm.pool.submit_async([], ncores=0)", "charm.pool.submit_async(): ncores must be at least 1, or negative"),
    ("charm.pool.map(plain, 5)", "charm.pool.map(): iterable must be iterable, not int"),
    ("charm.pool.map(5, [1])", "charm.pool.map(): func must be callable, not int"),
    ("charm.pool.Task(5, ())", "charm.pool.Task(): func must be callable, not int"),
    ("charm.pool.Task(plain, 5)", "charm.pool.Task(): args must be a list of the function's arguments, not int"),
    ("charm.pool.executor('x')", "charm.pool.executor(): max_workers must be an integer, not str"),
    ("VALUE charm.pool.executor(0)", "charm.pool.executor(): max_workers must be at least 1, not 0"),
    ("charm.pool.executor().map(plain, [1], chunksize='x')", "executor.map(): chunksize must be an integer, not str"),
    ("charm.pool.executor().submit(5)", "executor.submit(): fn must be callable, not int"),
    ("Channel(5, g[0])", "Channel(): the first argument is the chare"),
    ("g[0].channel(5, ret=True).get()", "Channel(): remote must be a proxy, not int"),
    ("charm.thisProxy[0].createArray(E, 'x', ret=True).get()", "Array(): dims must be"),
    ("charm.thisProxy[0].createArray(E, ndims='x', ret=True).get()", "Array(): ndims must be an integer, not str"),
    ("charm.options.interactive.verbose = 'x'", "charm.options.interactive.verbose takes an int, not 'x'"),
]


@pytest.mark.parametrize("n", [1, 2])
def test_numbers(n: int) -> None:
    table = [
        (code, code.removeprefix("VALUE "), "ValueError" if code.startswith("VALUE") else "TypeError", words)
        for code, words in NUMBERS
    ]
    holds(PROGRAM.replace("__TABLE__", repr(table).replace("from -1 to LAST", f"from -1 to {n - 1}")), n, timeout=60)


HEAD = """
from chariot import charm, Chare, Group, Array, Future, Reducer, coro
"""

# Row of the contract; the program; words of what it says.
AT_START = [
    ("3.1 arity", "def main(): pass\ncharm.start(main)", ["main", "one"]),
    ("3.1 arity", "def main(a, b): pass\ncharm.start(main)", ["main", "one"]),
    ("3.1 not callable", "charm.start(5)", ["function"]),
    ("3.1 arity of a chare", "class M(Chare):\n    def __init__(self): pass\ncharm.start(M)", ["M.__init__", "arguments"]),
    ("3.1 no chare", "class C: pass\ncharm.start(lambda args: None, classes=[C])", ["C", "Chare"]),
    ("3.1 old class", "class C(Group): pass\ncharm.start(lambda args: None)", ["new API"]),
    ("3.1 old class", "class C(Array): pass\ncharm.start(lambda args: None)", ["new API"]),
    ("3.1 ret", "class C(Chare):\n    def m(self, ret): pass\ncharm.start(lambda args: None)", ["C.m", "ret"]),
    ("3.1 module", "charm.start(lambda args: None, modules=['no_such'])", ["no_such"]),
    ("3.1 two entries", "def a(args): charm.start(a)\ncharm.start(a)", ["start"]),
    *[
        ("4.4 reserved", f"class C(Chare):\n    def {name}(self): pass\ncharm.start(lambda args: None)", ["C", name])
        for name in ["wait", "contribute", "reduce", "allreduce", "AtSync", "migrate", "setMigratable"]
        + ["_coll_future_deposit_result", "_getSectionLocations_", "_channelConnect__", "_channelRecv__"]
    ],
    ("3.9 old form", "from chariot import Options\nOptions.PROFILING = True\ncharm.start(lambda args: None)", ["PROFILING"]),
    ("3.1 forgotten", "pass", ["charm.start"]),
]


@pytest.mark.parametrize("row, text, words", AT_START, ids=[f"{row}-{k}" for k, (row, _, _) in enumerate(AT_START)])
def test_at_start(row: str, text: str, words: list[str]) -> None:
    result = fails(HEAD + text, 2, *words, preamble=False)
    assert "AssertionError" not in result.said and result.said.count("Traceback") <= 1, result.said


# Row; the body of a method of E, which nobody awaits; words of what the job says at its end.
AT_RECEIVER = [
    ("3.1 uncaught", "raise KeyError('gone')", ["KeyError: 'gone'", "E.m"]),
    ("5 in a coroutine", "self.co()", ["ValueError: late", "E.co"]),
    ("8 waits", "Future(1)", ["NotThreadedError", "E.m", "@coro"]),
    ("10 mixed shapes", "self.reduce(self.thisProxy.done, np.zeros(2 + self.thisIndex % 2), Reducer.sum)", ["shape"]),
    ("4.1 constructor", "Chare(Bad)", ["ZeroDivisionError", "Bad"]),
    ("12 task without a future", "charm.pool.Task(fails, (3,))", ["ValueError: no 3", "fails"]),
    ("3.1 abort", "charm.abort('enough is enough')", ["enough is enough"]),
]


@pytest.mark.parametrize("row, body, words", AT_RECEIVER, ids=[row for row, _, _ in AT_RECEIVER])
def test_at_receiver(row: str, body: str, words: list[str]) -> None:
    program = f"""
    class Bad(Chare):
        def __init__(self):
            1 / 0
    def fails(x):
        raise ValueError(f"no {{x}}")
    class E(Chare):
        def m(self):
            {body}
        @coro
        def co_remote(self):
            charm.sleep(0.01)
            raise ValueError("late")
        def co(self):
            self.thisProxy[self.thisIndex].co_remote()
        def done(self, *args):
            pass
    def main(args):
        Group(E).m()
        charm.sleep(20)
        charm.exit()
    charm.start(main)
    """
    result = fails(program, 2, *words)
    assert "PE " in result.said, result.said
