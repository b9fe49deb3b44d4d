"""§12 (Executor face): submit, map, as_completed-like waiting, exceptions, with-statement."""
import concurrent.futures

from charm4py import charm


def pw(a, b):
    return a ** b


def bad():
    raise OSError('no')


def main(args):
    with charm.pool.executor() as ex:
        fs = [ex.submit(pw, 2, i) for i in range(10)]
        assert [f.result() for f in fs] == [2 ** i for i in range(10)]
        assert list(ex.map(pw, [1, 2, 3], [2, 2, 2])) == [1, 4, 9]
        f = ex.submit(bad)
        try:
            f.result()
            raise RuntimeError
        except OSError as e:
            assert str(e) == 'no'
        assert isinstance(f.exception(), OSError)
        g = ex.submit(pw, b=3, a=2)
        assert g.result(timeout=30) == 8 and g.done()
        assert list(ex.map(abs, range(-20, 0), chunksize=6)) == list(range(20, 0, -1))
        done = {f.result() for f in concurrent.futures.as_completed([ex.submit(pw, i, 2) for i in range(5)])}
        assert done == {0, 1, 4, 9, 16}
    try:
        ex.submit(pw, 1, 1)
        raise KeyError
    except RuntimeError:
        pass
    print('OK')
    exit()


charm.start(main)
