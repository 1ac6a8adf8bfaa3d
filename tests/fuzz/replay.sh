#!/bin/sh
# Run every fuzz target over its corpus: one line of TAP a target. A target
# without a corpus, and a corpus without a target, are failures.
fuzz=$P11KMS_BUILDDIR/tests/fuzz
corpus=$P11KMS_SRCDIR/tests/fuzz/corpus
targets=$(for at in "$fuzz"/fuzz_* "$corpus"/*; do
    case $at in
    *.c | *.o | *\*) ;;
    *) at=${at##*/} && echo "${at#fuzz_}" ;;
    esac
done | sort -u)

# shellcheck disable=SC2086 # the names have no spaces
set -- $targets
echo "1..$#"
n=0
for target; do
    n=$((n + 1))
    # -runs=0: where libFuzzer is linked, the corpus and nothing more
    if [ -d "$corpus/$target" ] && "$fuzz/fuzz_$target" -runs=0 "$corpus/$target" >"$fuzz/$target.out" 2>&1; then
        echo "ok $n - $target over $(find "$corpus/$target" -type f | wc -l) inputs"
    else
        echo "not ok $n - $target"
        sed 's/^/# /' "$fuzz/$target.out"
    fi
    rm -f "$fuzz/$target.out"
done
