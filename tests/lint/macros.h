/* SPDX-License-Identifier: MIT */
/* Loops of <sys/queue.h>, uthash and jansson, in the plainest form: cppcheck reads no system headers. */
#define TAILQ_HEAD(name, type)                      \
	struct name {                               \
		struct type *tqh_first, **tqh_last; \
	}
#define LIST_HEAD(name, type)          \
	struct name {                  \
		struct type *lh_first; \
	}
#define SLIST_HEAD(name, type)          \
	struct name {                   \
		struct type *slh_first; \
	}
#define STAILQ_HEAD(name, type)                       \
	struct name {                                 \
		struct type *stqh_first, **stqh_last; \
	}
#define TAILQ_FOREACH(var, head, field)         for ((var) = (head)->tqh_first; (var); (var) = (var)->field.tqe_next)
#define LIST_FOREACH(var, head, field)          for ((var) = (head)->lh_first; (var); (var) = (var)->field.le_next)
#define SLIST_FOREACH(var, head, field)         for ((var) = (head)->slh_first; (var); (var) = (var)->field.sle_next)
#define STAILQ_FOREACH(var, head, field)        for ((var) = (head)->stqh_first; (var); (var) = (var)->field.stqe_next)
#define HASH_ITER(hh, head, el, tmp)            for ((el) = (head), (tmp) = 0; (el); (el) = (tmp))
#define json_array_foreach(array, index, value) for ((index) = 0; ((value) = json_array_get(array, index)); (index)++)
#define json_object_foreach(object, key, value) \
	for ((key) = json_first(object); ((value) = json_object_get(object, key));)
#define json_object_foreach_safe(object, n, key, value) \
	for ((key) = json_first(object); ((value) = json_object_get(object, key));)
