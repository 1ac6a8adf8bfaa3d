"""docs/api.md says what the operation table, the handlers and the fault table say."""

import os
import subprocess

tool = os.path.join(os.environ["P11KMS_SRCDIR"], "tools", "make-api-table")
done = subprocess.run([tool, "--check"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
print("1..1")
print("ok 1" if done.returncode == 0 else "not ok 1", "- the API coverage page is up to date")
print("".join(f"# {line}\n" for line in done.stdout.splitlines()), end="")
