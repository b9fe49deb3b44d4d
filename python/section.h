/* python/section.h: sections of collections: charm.split() and charm.combine() (section.c), slices of proxies
 * (section_slice.c), lists of indices (section_elems.c), and what a section_func says (section_choose.c).
 *
 * What makes sections waits for them: a greenlet coroutine is suspended and gets them; in an async def they come as a
 * future, to be awaited. Sections of a group that is on all PEs can be made anywhere: where no coroutine runs, they are
 * there at once. */
#ifndef CHARIOT_PYTHON_SECTION_H
#define CHARIOT_PYTHON_SECTION_H

#include "python/proxy.h"
#include "sections/sections.h"

/* charm.split(), charm.combine() */
PyObject *py_charm_split(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *py_charm_combine(PyObject *self, PyObject *const *args, Py_ssize_t num);
extern const char py_charm_split_doc[], py_charm_combine_doc[];

/* chariot_type.choose of all classes: asks the function that split() was given. */
int py_section_choose(struct chariot_pe *pe, const struct chariot_type *type, struct chariot_elem *elem,
                      struct chariot_msg *rule, struct chariot_choice *choice, struct chariot_msg **error);
/* What it is asked with: function, of which sections are `num`. Gives; NULL with an exception set. */
struct chariot_msg *py_section_rule(struct py_state *st, PyObject *function, uint32_t num);

/* key is a slice, or an index with slices in it. */
bool py_section_is_slice(PyObject *key);
/* proxy[key] of such a key. New reference: the section, or a future of it. */
PyObject *py_section_slice(struct py_state *st, PyObject *proxy, PyObject *key);

/* The ref of a whole group, array or section that sections can be made of. -1 with TypeError set; who: "charm.split()".
 */
int py_section_source(struct py_state *st, PyObject *object, const char *who, struct chariot_ref *source);
/* The same, and its members have indices. */
int py_section_indexed(struct py_state *st, PyObject *object, const char *who, struct chariot_ref *source);
/* Sections of it can be made where no coroutine runs. */
bool py_section_is_everywhere(const struct chariot_ref *source);
/* The sections of such a group, at once, as a list of proxies. */
PyObject *py_section_of_group(struct py_state *st, const struct chariot_ref *group, uint32_t num,
                              const struct chariot_indices lists[]);

/* A future of sections that the runtime is to make. `one`: of the only one of its list. */
struct py_making;
struct py_making *py_making_new(struct py_state *st, bool one, PyObject *of);
struct chariot_future *py_making_handle(struct py_making *making);
/* code: of the call that was given the handle. Takes making; gives what the program gets, or NULL with an exception. */
PyObject *py_making_finish_take(struct py_making *making, int code, const char *who);

/* The indices that split() was given, section by section. */
struct py_elems {
    uint32_t num;
    struct chariot_indices *lists; /* owned, as is what they point to: `all` */
    struct chariot_index *all;
};
/* 0, or -1 with an exception set. */
int py_elems_read(struct py_state *st, const struct chariot_ref *source, PyObject *proxy, uint32_t num, PyObject *given,
                  struct py_elems *elems);
void py_elems_deinit(struct py_elems *elems);

#endif
