"""Runs the tests of a file and tells automake of each: a line of TAP a test.

    if __name__ == "__main__":
        tap.main()

A test that takes longer than TEST_SECONDS fails, and cleanups run however a run ends.
With names (ClassName or ClassName.test_name) only those are run.
"""

import signal
import sys
import unittest

TEST_SECONDS = 120  # a sanitizer's build on a busy machine; without both no test takes a tenth of it


class Overdue(AssertionError):
    pass


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.count = 0
        self.failed = 0
        self.troubles = []
        self.reason = None

    def _line(self, ok, name, directive=""):
        self.count += 1
        self.failed += not ok
        print(f"{'ok' if ok else 'not ok'} {self.count} {name}{directive}", flush=True)

    def _tell(self, text):
        for line in text.rstrip().splitlines():
            print(f"# {line}", flush=True)

    def startTest(self, test):
        super().startTest(test)
        self.troubles, self.reason = [], None
        signal.alarm(getattr(test, "test_seconds", TEST_SECONDS))

    def stopTest(self, test):
        signal.alarm(0)
        super().stopTest(test)
        name = test.id().removeprefix("__main__.")
        for trouble in self.troubles:
            self._tell(trouble)
        self._line(not self.troubles, name, f" # SKIP {self.reason}" if self.reason and not self.troubles else "")

    def _trouble(self, test, err):
        text = self._exc_info_to_string(err, test)
        if isinstance(test, unittest.TestCase):
            self.troubles.append(text)
        else:  # setUpClass, tearDownClass or a cleanup of theirs
            self._tell(text)
            self._line(False, test.id())

    def addError(self, test, err):
        self._trouble(test, err)

    def addFailure(self, test, err):
        self._trouble(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.troubles.append(subtest.id() + "\n" + self._exc_info_to_string(err, test))

    def addSkip(self, test, reason):
        self.reason = reason
        if not isinstance(test, unittest.TestCase):  # the whole class
            self._line(True, test.id(), f" # SKIP {reason}")


def _overdue(*_):
    raise Overdue("this test takes too long")


def _stop(*_):
    raise KeyboardInterrupt  # the one exception that unittest does not take for a test's


def main():
    signal.signal(signal.SIGALRM, _overdue)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGHUP, _stop)
    module = sys.modules["__main__"]
    loader = unittest.TestLoader()
    names = sys.argv[1:]
    suite = loader.loadTestsFromNames(names, module) if names else loader.loadTestsFromModule(module)
    result = TapResult()
    try:
        suite.run(result)
    except KeyboardInterrupt:
        signal.alarm(0)
        print("Bail out! interrupted", flush=True)
        sys.exit(130)
    print(f"1..{result.count}", flush=True)
    sys.exit(1 if result.failed or not result.count else 0)
