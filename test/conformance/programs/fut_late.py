"""§0 §7: a value for a complete future is an error to its sender; the job can go on; counted futures take no more."""
from charm4py import Chare, Future, Group, charm, coro


class L(Chare):
    def again(self, f, v):
        f(v)
        return 'sent'

    @coro
    def again_coro(self, f, v):
        f.send(v)
        return 'sent'


def main(args):
    from charm4py import charm as c
    g = Group(L)
    f = Future()
    f(1)
    assert f.get() == 1
    try:
        f(2)
    except Exception as e:
        assert type(e).__name__ == 'Charm4PyError', e
        assert 'future' in str(e)
    else:
        raise RuntimeError('the second value was taken')
    assert f.get() == 1
    f3 = Future(3)
    for i in range(3):
        f3(i)
    try:
        f3(3)
    except Exception as e:
        assert type(e).__name__ == 'Charm4PyError', e
    else:
        raise RuntimeError('the fourth value was taken')
    assert f3.get() == [0, 1, 2]
    for bad in (0, -1, 1.5, 'x', None):
        try:
            Future(bad)
        except (TypeError, ValueError):
            pass
        else:
            raise RuntimeError('Future(%r)' % (bad,))
    print('OK')
    exit()


charm.start(main)
