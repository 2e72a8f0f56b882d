"""Many threads that do the same thing at the same moment, each on a connection of its own."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

from models.refusal import Refused

AT_ONCE = 16


def together(what: Callable[[int], object]) -> Counter[str]:
    """What came of it, each thread by its number: the word it gave, the reason of its refusal, or 'done'.

    An error that is no refusal is raised.
    """
    barrier, came, errors = threading.Barrier(AT_ONCE), Counter[str](), list[BaseException]()

    def one(number: int) -> None:
        barrier.wait()
        try:
            found = what(number)
            came[found if isinstance(found, str) else "done"] += 1
        except Refused as refused:
            came[refused.reason] += 1
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return came
