#include "test/scenarios/section_program.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t program_draw(struct program *program, uint32_t below) {
    return (uint32_t)(rpc_random_draw(&program->random) % below);
}

void program_fail(struct program *program, const char *format, ...) {
    va_list args;
    if (program->failed) return;
    program->failed = true;
    va_start(args, format);
    fprintf(stderr, "seed %llu, %u PEs, operation %u: ", (unsigned long long)program->seed, program->model.num_pes,
            program->num_ops);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

struct chariot_pe *program_pe(struct program *program, uint32_t pe) {
    world_wake(&program->world, pe);
    return &program->world.pes[pe];
}

/* ---------------------------------------------------------------- life */

/* Few PEs more often than many: one, up to 4, 16 or 64. */
static uint32_t draw_num_pes(struct program *program) {
    uint32_t most = 1u << 2 * program_draw(program, 4);
    return 1 + program_draw(program, most);
}

static void draw_hosts(struct program *program, uint32_t num_pes) {
    uint32_t num_hosts = 1 + program_draw(program, num_pes), way = program_draw(program, 3);
    if (way == 0) return;
    program->hosts = calloc(num_pes, sizeof *program->hosts);
    if (program->hosts == NULL) abort();
    for (uint32_t pe = 0; pe < num_pes; pe++) {
        program->hosts[pe] = way == 1 ? pe * num_hosts / num_pes : program_draw(program, num_hosts);
    }
}

static void open_program(struct program *program, uint64_t seed) {
    memset(program, 0, sizeof *program);
    program->seed = seed;
    program->trace = getenv("CHARIOT_TRACE") != NULL;
    rpc_random_init(&program->random, seed);
    uint32_t num_pes = draw_num_pes(program);
    draw_hosts(program, num_pes);
    program->model.num_pes = num_pes;
    program->model.num_targets = MODEL_COLLS;
    world_open(&program->world, (struct rpc_sim_config){.num_pes = num_pes,
                                                        .seed = seed,
                                                        .max_delay_ns = 1 + program_draw(program, 1000000),
                                                        .through_wire = true,
                                                        .hosts = program->hosts});
    program->world.budget = 1 + (int)program_draw(program, 30);
    program_register(program);
    world_start(&program->world);
}

static void make_map(struct program *program) {
    const struct chariot_create how = {.type = program->map_type, .kind = CHARIOT_GROUP};
    int rc = chariot_create_take(program_pe(program, 0), &how, NULL, &program->map);
    if (rc != 0) program_fail(program, "create: %d", rc);
}

static void close_program(struct program *program) {
    program->moves = wander_moves(program->world.wander);
    for (uint32_t i = 0; i < program->num_ops; i++) {
        chariot_future_unref(program->ops[i].future);
        for (uint32_t k = 0; k < MODEL_ELEMS; k++) chariot_future_unref(program->ops[i].results[k]);
    }
    world_close(&program->world);
    free(program->hosts);
}

/* ---------------------------------------------------------------- running */

static void look_at_world(struct program *program) {
    const char *fault = wander_fault(program->world.wander);
    if (program->world.aborts > 0) program_fail(program, "the job has ended: %s", program->world.abort_text);
    if (fault != NULL) program_fail(program, "%s", fault);
}

/* Some of what is under way arrives. */
static void go_on(struct program *program) {
    struct world *world = &program->world;
    wander_go_on(world->wander, program_draw(program, 8));
    for (uint32_t i = program_draw(program, 5); i > 0; i--) {
        world_step(world);
        if (program_draw(program, 2) == 0) rpc_sim_advance(world->sim, world_deadline_ns(world));
        program_poll(program);
    }
    look_at_world(program);
}

/* Timers too: waves of quiescence are apart in time. */
static void come_to_rest(struct program *program) {
    struct world *world = &program->world;
    world_settle(world);
    while (world->aborts == 0 && world_deadline_ns(world) != RPC_FOREVER_NS) {
        rpc_sim_advance(world->sim, world_deadline_ns(world));
        world_settle(world);
    }
    program_poll(program);
    look_at_world(program);
}

static void end_round(struct program *program) {
    come_to_rest(program);
    const char *fault = wander_fault_at_rest(&program->world);
    if (fault != NULL) program_fail(program, "at rest, %s", fault);
    program_check_round(program);
    if (!program->failed) program_check_left_over(program);
}

static void run_round(struct program *program, uint32_t num) {
    for (uint32_t i = 0; i < num && !program->failed; i++) {
        program_issue(program);
        go_on(program);
    }
    end_round(program);
}

static void run_alone(struct program *program, enum op_kind kind) {
    if (program->failed || program_draw(program, 3) != 0) return;
    program_issue_kind(program, kind);
    end_round(program);
}

/* Everything goes, in any order. */
static void destroy_all(struct program *program) {
    struct model *model = &program->model;
    uint32_t at = program_draw(program, model->num_targets);
    for (uint32_t i = 0; i < model->num_targets && !program->failed; i++) {
        struct model_target *target = &model->targets[(at + i) % model->num_targets];
        if (!target->usable || target->dying) continue;
        uint32_t pe = program_draw(program, model->num_pes);
        program_trace(program, "PE %u destroys %u at the end", pe, (at + i) % model->num_targets);
        int rc = chariot_destroy(program_pe(program, pe), &target->ref, NULL);
        if (rc != 0) program_fail(program, "destroy at the end: %d", rc);
        target->dying = true;
        go_on(program);
    }
}

bool program_run(struct program *program, uint64_t seed) {
    open_program(program, seed);
    make_map(program);
    uint32_t first = 1 + program_draw(program, program_draw(program, 4) == 0 ? MODEL_COLLS : 5);
    for (uint32_t i = 0; i < first; i++) program_issue_kind(program, OP_CREATE);
    for (uint32_t rounds = 2 + program_draw(program, 8); rounds > 0 && !program->failed; rounds--) {
        run_round(program, 1 + program_draw(program, 20));
        run_alone(program, OP_INSERT);
        run_alone(program, OP_GHOST);
    }
    destroy_all(program);
    if (!program->failed) end_round(program);
    close_program(program);
    return !program->failed;
}
