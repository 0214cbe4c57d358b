/* The event loop: timers in order, watches that end in mid-turn, wake-ups from other threads. */
#include "countersign/compiler.h"
#include "countersign/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

struct scene {
    struct loop *loop;
    char order[16];
    size_t count;
    struct loop_timer timers[3];
    struct loop_io watches[2];
};

static void note(struct scene *scene, char what)
{
    if (scene->count < sizeof(scene->order) - 1)
        scene->order[scene->count++] = what;
}

static void timer_notes(struct loop_timer *timer)
{
    struct scene *scene = timer->context;
    note(scene, (char)('a' + (timer - scene->timers)));
    if (scene->count == 2)
        loop_stop(scene->loop);
}

static void timers_fire_in_the_order_of_their_deadlines_and_stopped_ones_never(void **state)
{
    (void)state;
    struct scene scene = { .count = 0 };
    struct error error;
    assert_true(loop_create(&scene.loop, &error));
    static const int64_t delays[] = { 3000, 1000, 2000 };
    for (size_t i = 0; i < ARRAY_LENGTH(delays); i++) {
        scene.timers[i] = (struct loop_timer){ .expired = timer_notes, .context = &scene };
        loop_timer_start(scene.loop, &scene.timers[i], delays[i]);
    }
    loop_timer_stop(scene.loop, &scene.timers[2]);
    assert_true(loop_run(scene.loop, &error));
    assert_string_equal(scene.order, "ba");
    loop_free(scene.loop);
}

static void first_removes_both(struct loop_io *io, unsigned events)
{
    (void)events;
    struct scene *scene = io->context;
    note(scene, 'r');
    loop_io_remove(scene->loop, &scene->watches[0]);
    loop_io_remove(scene->loop, &scene->watches[1]);
    loop_stop(scene->loop);
}

static void a_watch_removed_by_another_in_the_same_turn_is_not_called(void **state)
{
    (void)state;
    struct scene scene = { .count = 0 };
    struct error error;
    int ends[2][2];
    assert_true(loop_create(&scene.loop, &error));
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pipe(ends[i]), 0);
        assert_int_equal(write(ends[i][1], "x", 1), 1);
        scene.watches[i] = (struct loop_io){ .fd = ends[i][0], .ready = first_removes_both, .context = &scene };
        assert_true(loop_io_watch(scene.loop, &scene.watches[i], LOOP_READ, &error));
    }
    assert_true(loop_run(scene.loop, &error));
    assert_string_equal(scene.order, "r");
    loop_free(scene.loop);
    for (size_t i = 0; i < 2; i++) {
        close(ends[i][0]);
        close(ends[i][1]);
    }
}

static void woken(void *context)
{
    struct scene *scene = context;
    note(scene, 'w');
    loop_stop(scene->loop);
}

static void *wake_from_outside(void *context)
{
    struct scene *scene = context;
    loop_wake(scene->loop);
    return NULL;
}

static void another_thread_can_wake_the_loop(void **state)
{
    (void)state;
    struct scene scene = { .count = 0 };
    struct error error;
    pthread_t thread;
    assert_true(loop_create(&scene.loop, &error));
    loop_on_wake(scene.loop, woken, &scene);
    assert_int_equal(pthread_create(&thread, NULL, wake_from_outside, &scene), 0);
    assert_true(loop_run(scene.loop, &error));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(scene.order[0], 'w');
    loop_free(scene.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_the_order_of_their_deadlines_and_stopped_ones_never),
        cmocka_unit_test(a_watch_removed_by_another_in_the_same_turn_is_not_called),
        cmocka_unit_test(another_thread_can_wake_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
