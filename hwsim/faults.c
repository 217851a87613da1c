/* SPDX-License-Identifier: MIT */
#include "hwsim/faults.h"

#include <errno.h>
#include <string.h>

enum { HOUR_MS = 3600 * 1000, ERRNO_MAX = 4095 }; /* ERRNO_MAX: Linux include/linux/err.h */

struct fault_row {
	const char *name;
	uint64_t min, max;
	const char *help;
	void (*now)(struct hwsim *card, uint64_t arg); /* happens at once, instead of being armed */
};

static void counter_lag(struct hwsim *card, uint64_t ms)
{
	card->counter_period = ms * NS_PER_MS;
}

static void reset(struct hwsim *card, uint64_t arg)
{
	(void)arg;
	card_reset(card);
}

static const struct fault_row rows[FAULTS] = {
	[FAULT_REFUSE] = {"refuse", 1, ERRNO_MAX, "offloaded SAs are refused; arg: errno"},
	[FAULT_REFUSE_NTH] = {"refuse_nth", 1, UINT32_MAX, "the arg-th offloaded SA from now is refused with EINVAL"},
	[FAULT_FULL] = {"full", 0, 0, "the SA table says it is full"},
	[FAULT_SLOW_INSTALL] = {"slow_install", 1, HOUR_MS,
				"an offloaded SA is acknowledged, and carries traffic after arg ms"},
	[FAULT_DELAYED_FREE] = {"delayed_free", 1, HOUR_MS, "the slot of a deleted SA is free after arg ms"},
	[FAULT_LOSE_EVENT] = {"lose_event", 0, 3, "events are lost; arg: 0 any, 1 soft, 2 hard expiry, 3 acquire"},
	[FAULT_LATE_EVENT] = {"late_event", 1, HOUR_MS, "events come after arg ms"},
	[FAULT_REPEAT_EVENT] = {"repeat_event", 1, 100, "events come arg times more"},
	[FAULT_SILENT_NO_OFFLOAD] = {"silent_no_offload", 0, 0,
				     "an offloaded SA or policy is acknowledged, and done in software"},
	[FAULT_COUNTER_LAG] = {"counter_lag", 0, HOUR_MS, "from now on counters in dumps are up to arg ms old",
			       counter_lag},
	[FAULT_LINK_DOWN] = {"link_down", 0, HOUR_MS,
			     "the link is down for arg ms, and everything offloaded is gone without a message",
			     card_link_down},
	[FAULT_RESET] = {"reset", 0, 0, "the card resets: the link is down for 50 ms, the SA table empty", reset},
};

const char *hwsim_fault_at(unsigned int n, const char **help)
{
	if (n >= FAULTS)
		return NULL;
	if (help)
		*help = rows[n].help;
	return rows[n].name;
}

int hwsim_fault(struct hwsim *card, const char *name, uint32_t count, uint64_t arg)
{
	unsigned int n = 0;

	while (n < FAULTS && strcmp(rows[n].name, name))
		n++;
	if (n == FAULTS)
		return -ENOENT;
	if (count && (arg < rows[n].min || arg > rows[n].max))
		return -EINVAL;
	card_lock(card, 0);
	if (rows[n].now) {
		card_stop(card);
		if (count)
			rows[n].now(card, arg);
	} else {
		card->faults[n] = (struct armed_fault){.count = count, .arg = arg};
	}
	card_unlock(card);
	return 0;
}

bool fault_armed(const struct hwsim *card, enum fault fault, uint64_t *arg)
{
	if (!card->faults[fault].count)
		return false;
	if (arg)
		*arg = card->faults[fault].arg;
	return true;
}

bool fault_strikes(struct hwsim *card, enum fault fault, uint64_t *arg)
{
	struct armed_fault *f = &card->faults[fault];

	if (!fault_armed(card, fault, arg))
		return false;
	if (fault == FAULT_REFUSE_NTH) {
		if (++f->seen < f->arg)
			return false;
		f->seen = 0;
	}
	if (f->count != UINT32_MAX)
		f->count--;
	return true;
}
