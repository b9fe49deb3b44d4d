/* test/scenarios/wander.h: random migration under any scenario: array elements of a world move all the time, whatever
 * their types, and where they live is looked at in every step.
 *
 *     wander_begin(200);      from here on, in each world that is opened, elements make up to 200 moves
 *     ... tests as ever ...
 *     wander_end();
 *
 * or CHARIOT_WANDER=200 in the environment, for a whole suite. Types need not be able to pack: all PEs are in one
 * process, so the object itself changes hands (it must be the element's own, or NULL, and hold no channels). A world in
 * which something is wrong says so in wander_fault(). */
#ifndef CHARIOT_TEST_SCENARIOS_WANDER_H
#define CHARIOT_TEST_SCENARIOS_WANDER_H

#include "objects/pe.h"

struct world;
struct wander;

void wander_begin(uint64_t moves);
void wander_end(void);
bool wander_is_on(void);

/* For world.c. NULL: elements do not move. */
struct wander *wander_new(struct world *world, uint64_t seed);
/* The same type, able to move; lives as long as the wander. */
const struct chariot_type *wander_type(struct wander *wander, const struct chariot_type *type);
/* Looks at those that move, and moves some. */
void wander_step(struct wander *wander);
void wander_free(struct wander *wander); /* takes NULL; after all PEs have gone */

/* So many more moves may follow. Takes NULL. */
void wander_go_on(struct wander *wander, uint64_t moves);
uint64_t wander_moves(const struct wander *wander); /* that elements have made; of NULL: 0 */

/* Where elements live, of any world: what is wrong, or NULL. */
/* In any step: each lives on one PE at most, and its seats in sections are what their anchors know. */
const char *wander_fault_of(const struct world *world, uint64_t coll, const uint64_t index[3]);
/* Where a method is called: from chariot_migrate() on nothing reaches an element but what came along with one that
 * roams (objects/move.h). */
const char *wander_fault_of_call(const struct chariot_call *call);
/* At rest: on exactly one, which its home knows; nothing is held, and nobody is asked about what has left. */
const char *wander_fault_at_rest(const struct world *world);
/* The first that wander_step() has found; NULL: none. Takes NULL. */
const char *wander_fault(const struct wander *wander);

#endif
