"""Random programs of sections on real PEs, each checked against a model of lists. Run by test_section_programs.py.

    chariot run -n 4 section_programs.py SEED...

A seed is one program: it makes collections, then takes a number of steps, each of which makes sections (split, slice,
combine; by the main chare, or by a coroutine of either kind on another PE), sends to one (broadcast, ret, awaitable),
reduces over one (many at a time), looks at the results that have come, inserts an element, or destroys a section or a whole
collection, or has elements of an array move. At the end it compares how often each element was called. What goes wrong is printed with the seed.
"""

import random
import sys

from chariot import Array, Chare, Group, Reducer, charm, coro

TIMEOUT_S = 50


class Element(Chare):
    def __init__(self, number):
        self.number = number  # of the collection, in the model
        self.total = 0

    def key(self):
        return self.number, self.thisIndex if isinstance(self.thisIndex, tuple) else (self.thisIndex,)

    def add(self, x, times=1):
        self.total += x * times

    def sum(self):
        return self.key(), self.total

    def fail(self, salt):
        if mixed(self.key(), salt) % 3 == 0:
            raise ArithmeticError(f"{self.key()}")
        return self.key()

    def part(self, section, target, reducer, salt):
        value = self.key() if reducer is Reducer.gather else mixed(self.key(), salt) % 1000
        self.reduce(target, value, reducer, section)

    def roam(self, salt):
        self.migrate(mixed(self.key(), salt) % charm.numPes())

    @coro
    def agree(self, section, salt):
        return self.allreduce(mixed(self.key(), salt) % 1000, Reducer.sum, section).get()

    async def agree_async(self, section, salt):
        return await self.allreduce(mixed(self.key(), salt) % 1000, Reducer.sum, section)


class Reordered(Element):
    """The same, with parameters in another order."""

    def add(self, times=1, x=0):
        self.total += x * times


class Helper(Chare):
    """Makes sections on whatever PE it is."""

    @coro
    def make(self, how, *args):
        return how(*args)

    async def make_async(self, how, *args):
        return await how(*args)


def mixed(key, salt):
    """A number that looks random, the same on every PE."""
    number, index = key
    value = salt * 1000003 + number
    for at in index:
        value = (value * 31 + at + 7) * 2654435761 % 2**32
    return value >> 7


def slice_of(proxy, key):
    return proxy[key]


def combination_of(*proxies):
    return charm.combine(*proxies)


def split_by_function(proxy, count, salt):
    """Each element joins some sections, maybe none."""
    return charm.split(proxy, count, lambda chare: [k for k in range(count) if mixed(chare.key(), salt + k) % 2])


def split_by_number(proxy, count, salt):
    return charm.split(proxy, count, lambda chare: mixed(chare.key(), salt) % (count + 1) - 1)


def split_by_lists(proxy, count, lists):
    return charm.split(proxy, count, elems=lists)


class Set:
    """A collection or section in the model: its members' keys, in order, and its proxy."""

    def __init__(self, proxy, keys, dims, kind):
        self.proxy, self.keys, self.dims, self.kind = proxy, sorted(set(keys)), dims, kind
        self.is_collection = False  # found, and not made of others

    @property
    def has_indices(self):
        return self.kind != "combined"

    def section(self):
        """What contributions to it say."""
        return self.proxy if self.proxy.issec else None


class Program:
    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.seed = seed
        self.totals = {}
        self.sets = []
        self.num_collections = 0
        self.due = []  # (what, future, value)
        self.roaming = False
        self.failures = []
        self.salt = seed * 1000
        self.helpers = Group(Helper)

    # ------------------------------------------------------------ what there is

    def found(self, make, keys_of, dims, kind):
        number = self.num_collections
        self.num_collections += 1
        proxy = make(self.chance.choice((Element, Element, Reordered)), number)
        keys = [(number, index) for index in keys_of]
        self.sets.append(Set(proxy, keys, dims, kind))
        self.sets[-1].is_collection = True
        self.totals.update(dict.fromkeys(keys, 0))

    def found_group(self):
        pes = range(charm.numPes())
        self.found(lambda cls, k: Group(cls, [k]), [(pe,) for pe in pes], None, "group")

    def found_some(self):
        pes = self.chance.sample(range(charm.numPes()), self.chance.randint(1, charm.numPes()))
        self.found(lambda cls, k: Group(cls, [k], onPEs=pes), [(pe,) for pe in pes], None, "onPEs")

    def found_array(self):
        dims = tuple(self.chance.randint(1, 5) for _ in range(self.chance.randint(1, 3)))
        indices = [()]
        for size in dims:
            indices = [(*index, at) for index in indices for at in range(size)]
        self.found(lambda cls, k: Array(cls, dims, args=[k]), indices, dims, "array")

    def found_sparse(self):
        places = self.chance.sample([(i, j) for i in range(-4, 5) for j in range(-4, 5)], 9)

        def make(cls, number):
            array = Array(cls, ndims=2)
            for place in places:
                array.ckInsert(place, [number], onPE=self.chance.randrange(-1, charm.numPes()))
            array.ckDoneInserting()
            array.sum(awaitable=True).get(timeout=TIMEOUT_S)
            return array

        self.found(make, places, None, "sparse")

    # ------------------------------------------------------------ making sections

    def made(self, how, *args):
        """By whom, is chance's; what errors it gives, the caller's."""
        where = self.chance.randrange(-1, charm.numPes())
        if where < 0:
            return how(*args)
        method = self.chance.choice((self.helpers[where].make, self.helpers[where].make_async))
        return method(how, *args, ret=True).get(timeout=TIMEOUT_S)

    def make(self, wanted, of, how, *args):
        """wanted: keys of each section; where one is empty, none may be made."""
        one = how in (slice_of, combination_of)
        kind = "combined" if how is combination_of else of.kind
        try:
            made = self.made(how, *args)
        except ValueError as error:
            if all(wanted) or "empty" not in str(error):
                raise
            return
        if not all(wanted):
            self.failures.append(f"{how.__name__} {args}: made a section that is empty")
            return
        made = [made] if one else made
        self.sets += [Set(proxy, keys, of.dims, kind) for proxy, keys in zip(made, wanted, strict=True)]

    def any_set(self, fits=lambda s: True):
        return self.chance.choice([s for s in self.sets if fits(s)] or self.sets[:1])

    def step_split(self):
        of, count, salt = self.any_set(), self.chance.randint(1, 4), self.next_salt()
        if self.chance.random() < 0.5:
            wanted = [[key for key in of.keys if mixed(key, salt + k) % 2] for k in range(count)]
            return self.make(wanted, of, split_by_function, of.proxy, count, salt)
        wanted = [[key for key in of.keys if mixed(key, salt) % (count + 1) - 1 == k] for k in range(count)]
        return self.make(wanted, of, split_by_number, of.proxy, count, salt)

    def step_lists(self):
        of = self.any_set(lambda s: s.has_indices)
        wanted = [self.chance.sample(of.keys, self.chance.randint(1, len(of.keys))) for _ in range(self.chance.randint(1, 4))]
        lists = [[index[0] if len(index) == 1 else index for _, index in keys] for keys in wanted]
        self.make(wanted, of, split_by_lists, of.proxy, len(lists), lists)

    def step_slice(self):
        of = self.any_set(lambda s: s.has_indices)
        ndims = len(of.keys[0][1])
        sizes = of.dims or (charm.numPes(),) * ndims
        bounded = of.kind != "sparse"  # else numbers are indices as they are
        key = tuple(self.range_of(size, bounded) for size in sizes)
        allowed = [range(size)[k] if bounded else range(k.start, k.stop, k.step) for size, k in zip(sizes, key)]
        wanted = [k for k in of.keys if all(at in numbers for at, numbers in zip(k[1], allowed))]
        self.make([wanted], of, slice_of, of.proxy, key if ndims > 1 else key[0])

    def range_of(self, size, bounded):
        if not bounded:
            start = self.chance.randint(-5, 5)
            return slice(start, start + self.chance.randint(-8, 9), self.chance.choice((1, 1, 2, -1, -3)))
        ends = [None, *range(-size - 1, size + 2)]
        return slice(self.chance.choice(ends), self.chance.choice(ends), self.chance.choice((None, None, 1, 2, -1, -2)))

    def step_combine(self):
        of = [self.any_set() for _ in range(self.chance.randint(1, 4))]
        self.make([[key for s in of for key in s.keys]], of[0], combination_of, *(s.proxy for s in of))

    # ------------------------------------------------------------ using them

    def next_salt(self):
        self.salt += 17
        return self.salt

    def step_add(self):
        to, x = self.any_set(), self.chance.randint(1, 100)
        for key in to.keys:
            self.totals[key] += 2 * x
        self.due.append((f"add to {to.proxy!r}", to.proxy.add(x=x, times=2, awaitable=True), None))

    def step_silent_add(self):
        to, x = self.any_set(), self.chance.randint(1, 100)
        for key in to.keys:
            self.totals[key] += x
        to.proxy.add(times=1, x=x)

    def step_ret(self):
        to = self.any_set()
        self.due.append((f"ret of {to.proxy!r}", to.proxy.key(ret=True), to.keys))

    def step_fail(self):
        to, salt = self.any_set(), self.next_salt()
        wanted = [f"error {key}" if mixed(key, salt) % 3 == 0 else key for key in to.keys]
        self.due.append((f"errors of {to.proxy!r}", to.proxy.fail(salt, ret=True), wanted))

    def step_reduce(self):
        to, salt = self.any_set(), self.next_salt()
        for _ in range(self.chance.randint(1, 3)):
            name = self.chance.choice(("sum", "max", "min", "gather"))
            target = charm.Future()
            to.proxy.part(to.section(), target, getattr(Reducer, name), salt)
            values = [mixed(key, salt) % 1000 for key in to.keys]
            want = to.keys if name == "gather" else getattr(sys.modules["builtins"], name)(values)
            self.due.append((f"{name} over {to.proxy!r}", target, want))

    def step_move(self):
        """Its elements go to other PEs, while what follows is under way."""
        movable = [s for s in self.sets if s.kind in ("array", "sparse")]
        if movable:
            self.come_to_rest()
            self.chance.choice(movable).proxy.roam(self.next_salt())
            self.roaming = True

    def come_to_rest(self):
        """No coroutine of an element is suspended, none is on its way: none of the one meets the other."""
        self.step_look()
        if self.roaming:
            charm.waitQD()
        self.roaming = False

    def step_agree(self):
        to, salt = self.any_set(), self.next_salt()
        self.come_to_rest()
        want = [sum(mixed(key, salt) % 1000 for key in to.keys)] * len(to.keys)
        method = self.chance.choice((to.proxy.agree, to.proxy.agree_async))
        self.due.append((f"allreduce over {to.proxy!r}", method(to.section(), salt, ret=True), want))

    def step_element(self):
        to = self.any_set(lambda s: s.has_indices)
        key = self.chance.choice(to.keys)
        self.due.append((f"element {key} of {to.proxy!r}", to.proxy[key[1]].key(ret=True), key))

    def step_look(self):
        for what, future, want in self.due:
            got = future.get(timeout=TIMEOUT_S)
            if isinstance(got, list):
                got = [f"error {x}" if isinstance(x, ArithmeticError) else x for x in got]
            if got != want:
                self.failures.append(f"{what}: {got}, expected {want}")
        self.due = []

    def settle(self):
        """Nothing is under way any more, not even what nobody waits for."""
        self.step_look()
        charm.waitQD()

    def collections(self):
        return [s for s in self.sets if s.is_collection]

    def step_insert(self):
        """What comes later does not join sections, and takes part in all that is the collection's."""
        arrays = [s for s in self.collections() if s.kind == "sparse"]
        if not arrays:
            return
        array = self.chance.choice(arrays)
        number = array.keys[0][0]
        place = self.chance.randint(-9, 9), self.chance.randint(5, 9)
        if (number, place) in array.keys:
            return
        self.settle()
        array.proxy.ckInsert(place, [number], onPE=self.chance.randrange(-1, charm.numPes()))
        array.proxy.ckDoneInserting()
        charm.waitQD()
        array.keys = sorted([*array.keys, (number, place)])
        self.totals[number, place] = 0

    def step_destroy(self):
        sections = [s for s in self.sets if not s.is_collection]
        if not sections:
            return
        self.settle()
        gone = self.chance.choice(sections)
        self.sets.remove(gone)
        gone.proxy.destroy(awaitable=True).get(timeout=TIMEOUT_S)

    def step_destroy_collection(self):
        """Its elements leave all sections; those that are empty then are still there, and give nothing."""
        if len(self.collections()) < 2:
            return
        self.settle()
        gone = self.chance.choice(self.collections())
        self.check_calls(gone)
        self.sets.remove(gone)
        gone.proxy.destroy(awaitable=True).get(timeout=TIMEOUT_S)
        charm.waitQD()
        for s in self.sets:
            s.keys = [key for key in s.keys if key not in gone.keys]
            if not s.keys:
                self.due.append((f"ret of the empty {s.proxy!r}", s.proxy.key(ret=True), []))
        self.sets = [s for s in self.sets if s.keys]

    def check_calls(self, collection):
        got, want = collection.proxy.sum(ret=True).get(timeout=TIMEOUT_S), [(key, self.totals[key]) for key in collection.keys]
        if got != want:
            self.failures.append(f"calls of {collection.proxy!r}: {got}, expected {want}")

    # ------------------------------------------------------------ a program

    STEPS = (
        (step_split, 3), (step_lists, 2), (step_slice, 4), (step_combine, 2), (step_add, 4), (step_silent_add, 3), (step_ret, 4),
        (step_fail, 1), (step_reduce, 5), (step_agree, 2), (step_move, 4), (step_element, 1), (step_look, 1), (step_insert, 1), (step_destroy, 1),
        (step_destroy_collection, 0.5),
    )  # fmt: skip

    def run(self):
        found = (self.found_group, self.found_some, self.found_array, self.found_array, self.found_sparse)
        for _ in range(self.chance.randint(2, 5)):
            self.chance.choice(found)()
        steps, weights = zip(*self.STEPS)
        for _ in range(self.chance.randint(15, 40)):
            self.chance.choices(steps, weights)[0](self)
        self.settle()
        for s in self.collections():
            self.check_calls(s)
            s.proxy.destroy()
        self.helpers.destroy()
        return self.failures


def main(args):
    failed = 0
    for seed in map(int, args[1:]):
        try:
            failures = Program(seed).run()
        except Exception:
            print(f"FAILED program {seed} on {charm.numPes()} PEs", flush=True)
            raise
        failed += bool(failures)
        for line in failures:
            print(f"FAILED program {seed} on {charm.numPes()} PEs: {line:.500}")
    print(f"{len(args) - 1} programs, {failed} failed", flush=True)
    charm.exit(1 if failed else 0)


charm.start(main)
