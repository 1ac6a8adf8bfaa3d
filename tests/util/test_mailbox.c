#include "tests/testing.h"

#include <pthread.h>
#include <stdatomic.h>

#include "util/clock.h"
#include "util/mailbox.h"

typedef struct {
    completion_t completion;
    buf_t *order;
    char name;
    mailbox_t *again; /* post this there when run */
} letter_t;

static void open_letter(completion_t *self)
{
    letter_t *letter = (letter_t *)(void *)self;

    buf_put_char(letter->order, letter->name);
    if (letter->again != NULL) {
        mailbox_t *box = STEAL(letter->again);

        mailbox_post(box, self, self);
    }
}

static letter_t letter(char name, buf_t *order)
{
    return (letter_t){ .completion.run = open_letter, .order = order, .name = name };
}

static void post(mailbox_t *box, letter_t *l)
{
    mailbox_post(box, &l->completion, &l->completion);
}

static void count_wake(void *arg)
{
    ++*(unsigned *)arg;
}

static mailbox_t *fresh(void (*wake)(void *), void *arg)
{
    mailbox_t *box = NULL;

    assert_ok(mailbox_new(wake, arg, &box));
    return box;
}

static void test_letters_run_in_the_order_posted(void **state)
{
    mailbox_t *box = fresh(NULL, NULL);
    _cleanup_buf_ buf_t order = { 0 };
    letter_t a = letter('a', &order), b = letter('b', &order), c = letter('c', &order),
             d = letter('d', &order);

    (void)state;
    post(box, &a);
    b.completion.next = &c.completion;
    mailbox_post(box, &b.completion, &c.completion);
    post(box, &d);
    assert_int_equal(mailbox_drain(box), 4);
    assert_buf_text(&order, "abcd");
    assert_int_equal(mailbox_drain(box), 0);
    mailbox_free(box);
}

static void test_many_letters_make_one_wake_up(void **state)
{
    unsigned wakes = 0;
    mailbox_t *box = fresh(count_wake, &wakes);
    _cleanup_buf_ buf_t order = { 0 };
    letter_t a = letter('a', &order), b = letter('b', &order);

    (void)state;
    post(box, &a);
    post(box, &b);
    assert_int_equal(wakes, 1);
    assert_int_equal(mailbox_drain(box), 2);
    post(box, &a);
    assert_int_equal(wakes, 2);
    mailbox_free(box);
}

static void test_what_a_letter_posts_waits_for_the_next_drain_and_wakes(void **state)
{
    unsigned wakes = 0;
    mailbox_t *box = fresh(count_wake, &wakes);
    _cleanup_buf_ buf_t order = { 0 };
    letter_t a = letter('a', &order);

    (void)state;
    a.again = box;
    post(box, &a);
    assert_int_equal(mailbox_drain(box), 1);
    assert_int_equal(wakes, 2);
    assert_int_equal(mailbox_drain(box), 1);
    assert_int_equal(mailbox_drain(box), 0);
    mailbox_free(box);
}

static void test_letters_left_are_dropped_not_run(void **state)
{
    mailbox_t *box = fresh(NULL, NULL);
    _cleanup_buf_ buf_t order = { 0 };
    letter_t a = letter('a', &order);

    (void)state;
    post(box, &a);
    mailbox_free(box);
    mailbox_free(NULL);
    assert_buf_text(&order, "");
}

static void test_waiting_ends_at_the_timeout(void **state)
{
    mailbox_t *box = fresh(NULL, NULL);
    int64_t before = clock_mono_us();

    (void)state;
    assert_int_equal(mailbox_wait(box, 0), 0);
    assert_int_equal(mailbox_wait(box, 20), 0);
    assert_in_range(clock_mono_us() - before, 20000, 5000000);
    mailbox_free(box);
}

#define POSTERS 4
#define LETTERS 5000

typedef struct {
    mailbox_t *box;
    completion_t completions[LETTERS];
} poster_t;

static size_t counted; /* by the owner alone */

static void count_letter(completion_t *self)
{
    (void)self;
    counted++;
}

static void *post_all(void *arg)
{
    poster_t *poster = arg;

    for (size_t i = 0; i < LETTERS; i++) {
        poster->completions[i].run = count_letter;
        mailbox_post(poster->box, &poster->completions[i], &poster->completions[i]);
    }
    return NULL;
}

static void test_no_letter_is_lost_between_threads(void **state)
{
    static poster_t posters[POSTERS];
    pthread_t threads[POSTERS];
    mailbox_t *box = fresh(NULL, NULL);
    size_t run = 0;

    (void)state;
    counted = 0;
    for (size_t i = 0; i < POSTERS; i++) {
        posters[i].box = box;
        assert_int_equal(pthread_create(&threads[i], NULL, post_all, &posters[i]), 0);
    }
    while (run < (size_t)POSTERS * LETTERS) {
        run += mailbox_wait(box, -1);
    }
    for (size_t i = 0; i < POSTERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(run, POSTERS * LETTERS);
    assert_int_equal(counted, POSTERS * LETTERS);
    mailbox_free(box);
}

static atomic_uint pending_wakes;

static void pend(void *arg)
{
    (void)arg;
    atomic_fetch_add(&pending_wakes, 1);
}

/* As a loop does it: drain once for each wake-up, and never else. */
static void test_a_wake_up_follows_every_post_to_an_empty_box(void **state)
{
    static poster_t poster;
    mailbox_t *box = fresh(pend, NULL);
    pthread_t thread;
    size_t run = 0;

    (void)state;
    poster.box = box;
    assert_int_equal(pthread_create(&thread, NULL, post_all, &poster), 0);
    for (int64_t until = clock_mono_us() + 10000000; run < LETTERS && clock_mono_us() < until;) {
        if (atomic_exchange(&pending_wakes, 0) > 0) {
            run += mailbox_drain(box);
        }
    }
    pthread_join(thread, NULL);
    assert_int_equal(run, LETTERS);
    mailbox_free(box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters_run_in_the_order_posted),
        cmocka_unit_test(test_many_letters_make_one_wake_up),
        cmocka_unit_test(test_what_a_letter_posts_waits_for_the_next_drain_and_wakes),
        cmocka_unit_test(test_letters_left_are_dropped_not_run),
        cmocka_unit_test(test_waiting_ends_at_the_timeout),
        cmocka_unit_test(test_no_letter_is_lost_between_threads),
        cmocka_unit_test(test_a_wake_up_follows_every_post_to_an_empty_box),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
