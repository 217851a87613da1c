/* SPDX-License-Identifier: MIT */
/* The ethtool driver against a card in memory, on newer and older kernels, and when things go wrong. */
#include "nic.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sys/socket.h>

struct seen {
	unsigned int calls;
	int err;
	char text[128];
	uint32_t location;
	struct nic_channels channels;
	struct nic_rss rss;
	struct nic_features features;
	char driver[ETHTOOL_NAME];
	unsigned int counters;
	uint64_t tx1;
};

static void keep(struct seen *s, const struct ethtool_result *r)
{
	s->calls++;
	s->err = r->err;
	s->location = r->location;
	snprintf(s->text, sizeof(s->text), "%s", r->text ? r->text : "");
}

static void on_plain(void *ctx, const struct ethtool_result *r)
{
	keep(ctx, r);
}

static void on_channels(void *ctx, const struct ethtool_result *r, const struct nic_channels *channels)
{
	struct seen *s = ctx;

	keep(s, r);
	assert_int_equal(!channels, r->err != 0);
	if (channels)
		s->channels = *channels;
}

static void on_rss(void *ctx, const struct ethtool_result *r, const struct nic_rss *rss)
{
	struct seen *s = ctx;

	keep(s, r);
	if (rss)
		s->rss = *rss;
}

static void on_features(void *ctx, const struct ethtool_result *r, const struct nic_features *features)
{
	struct seen *s = ctx;

	keep(s, r);
	if (features)
		s->features = *features;
}

static void on_driver(void *ctx, const struct ethtool_result *r, const char *name)
{
	struct seen *s = ctx;

	keep(s, r);
	snprintf(s->driver, sizeof(s->driver), "%s", name ? name : "");
}

static void each_counter(void *ctx, const char *name, uint64_t value)
{
	struct seen *s = ctx;

	s->counters++;
	if (!strcmp(name, "tx1_packets"))
		s->tx1 = value;
}

static struct seen channels(struct nic *nic)
{
	struct seen s = {0};

	assert_int_equal(ethtool_channels_get(nic->ethtool, on_channels, &s), 0);
	assert_int_equal(s.calls, 1);
	return s;
}

static void a_new_kernel(void **state)
{
	static const uint8_t plain[28] = {0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0, 0, 10,
					  1,    0, 5, 10, 2, 0, 9, 0, 1,  0,  2, 0, 8};
	struct nic *nic = nic_new("rules-33", 4);
	struct seen s = channels(nic);
	struct hwsim_rss card;

	(void)state;
	assert_int_equal(s.err, 0);
	assert_int_equal(s.channels.combined, 4);
	assert_int_equal(s.channels.combined_max, 4);
	assert_int_equal(s.channels.rx, 0);
	assert_int_equal(ethtool_rss_get(nic->ethtool, on_rss, &s), 0);
	hwsim_rss_get(nic->card, &card);
	assert_int_equal(s.rss.indir_size, HWSIM_RSS_INDIR);
	assert_int_equal(s.rss.key_size, HWSIM_RSS_KEY);
	assert_memory_equal(s.rss.indir, card.indir, sizeof(card.indir));
	assert_memory_equal(s.rss.key, card.key, sizeof(card.key));
	assert_true(s.rss.toeplitz);
	assert_int_equal(ethtool_features_get(nic->ethtool, on_features, &s), 0);
	assert_true(s.features.esp && s.features.ntuple && s.features.rxhash && !s.features.esp_gso);
	assert_int_equal(ethtool_driver_get(nic->ethtool, on_driver, &s), 0);
	assert_string_equal(s.driver, "hwsim-rules");
	hwsim_tx(nic->card, 1, 1, plain, sizeof(plain));
	assert_int_equal(ethtool_stats_get(nic->ethtool, each_counter, on_plain, &s), 0);
	assert_int_equal(s.err, 0);
	assert_true(s.counters > 16);
	assert_int_equal(s.tx1, 1);
	assert_int_equal(s.calls, 5);
	assert_int_equal(ethtool_pending(nic->ethtool), 0);
	nic_free(nic);
}

/* What it lacks, the ioctl does; netlink is not tried twice. */
static void older_kernels(void **state)
{
	(void)state;
	for (int age = 0; age < 3; age++) {
		struct nic *nic = nic_new("tiny-33", 4);
		struct ethtool_counters counters;
		struct hwsim_rss card;
		struct seen s;
		unsigned int sent;

		nic->no_rss_set = true;
		nic->no_rss_get = age >= 1;
		nic->no_family = age >= 2;
		s = channels(nic);
		assert_int_equal(s.err, 0);
		assert_int_equal(s.channels.combined, 4);
		assert_int_equal(ethtool_rss_get(nic->ethtool, on_rss, &s), 0);
		assert_int_equal(s.err, 0);
		assert_int_equal(s.rss.indir_size, HWSIM_RSS_INDIR);
		assert_true(s.rss.toeplitz);
		for (uint32_t i = 0; i < s.rss.indir_size; i++)
			s.rss.indir[i] = (uint16_t)(3 - i % 4);
		s.rss.key[0] ^= 1;
		assert_int_equal(ethtool_rss_set(nic->ethtool, &s.rss, false, on_plain, &s), 0);
		assert_int_equal(s.err, 0);
		hwsim_rss_get(nic->card, &card);
		assert_memory_equal(card.indir, s.rss.indir, sizeof(card.indir));
		assert_memory_equal(card.key, s.rss.key, sizeof(card.key));
		sent = nic->sent;
		s.rss.key_size = 0;
		s.rss.key[0] ^= 1;
		assert_int_equal(ethtool_rss_set(nic->ethtool, &s.rss, true, on_plain, &s), 0);
		assert_int_equal(nic->sent, sent + 1);
		hwsim_rss_get(nic->card, &card);
		assert_int_equal(card.indir[3], 3); /* the default */
		assert_int_not_equal(card.key[0], s.rss.key[0]);
		assert_int_equal(ethtool_features_get(nic->ethtool, on_features, &s), 0);
		assert_int_equal(s.err, age < 2 ? 0 : -EOPNOTSUPP);
		ethtool_counters_get(nic->ethtool, &counters);
		assert_int_equal(counters.malformed, 0);
		nic_free(nic);
	}
}

static void rss_is_set_by_netlink(void **state)
{
	struct nic *nic = nic_new("tiny-33", 4);
	struct ethtool_counters counters;
	struct hwsim_rss card;
	struct seen s = {0};

	(void)state;
	s.rss.indir_size = 2;
	s.rss.indir[1] = 3;
	assert_int_equal(ethtool_rss_set(nic->ethtool, &s.rss, false, on_plain, &s), 0);
	assert_int_equal(s.err, 0);
	hwsim_rss_get(nic->card, &card);
	assert_int_equal(card.indir[501], 3);
	ethtool_process(nic->ethtool);
	assert_int_equal(nic->changes, 1);
	assert_string_equal(nic->what, "RSS");
	s.rss.indir[1] = 4;
	assert_int_equal(ethtool_rss_set(nic->ethtool, &s.rss, false, on_plain, &s), 0);
	assert_int_equal(s.err, -EINVAL);
	assert_string_equal(s.text, "entry in indirection table out of range");
	s.rss.indir_size = ETHTOOL_INDIR_MAX + 1;
	assert_int_equal(ethtool_rss_set(nic->ethtool, &s.rss, false, on_plain, &s), -EINVAL);
	ethtool_counters_get(nic->ethtool, &counters);
	assert_int_equal(counters.ioctls, 0);
	assert_int_equal(counters.notifications, 1);
	assert_int_equal(counters.errors, 1);
	nic_free(nic);
}

static void rules_come_and_go(void **state)
{
	struct nic *nic = nic_new("rules-33", 4), *cx7 = nic_new("cx7", 4);
	struct nic_rule rule = {{AF_INET, {192, 0, 2, 2}}, 77, 2};
	struct seen s = {0};
	uint8_t esp[28] = {0x45, 0, 0, 28, 0, 1, 0, 0, 64, 50, 0, 0, 10, 1, 0, 5, 192, 0, 2, 2, 0, 0, 0, 77};
	unsigned int rss = hwsim_rss_queue(nic->card, esp, sizeof(esp));

	(void)state;
	rule.queue = (rss + 1) % 4;
	assert_int_equal(ethtool_rule_add(nic->ethtool, &rule, on_plain, &s), 0);
	assert_int_equal(s.err, 0);
	assert_int_equal(hwsim_rss_queue(nic->card, esp, sizeof(esp)), rule.queue);
	assert_int_equal(ethtool_rule_delete(nic->ethtool, s.location, on_plain, &s), 0);
	assert_int_equal(s.err, 0);
	assert_int_equal(hwsim_rss_queue(nic->card, esp, sizeof(esp)), rss);
	assert_int_equal(ethtool_rule_delete(nic->ethtool, 0, on_plain, &s), 0);
	assert_int_equal(s.err, -ENOENT);
	assert_int_equal(ethtool_rule_add(cx7->ethtool, &rule, on_plain, &s), 0);
	assert_int_equal(s.err, -EOPNOTSUPP);
	rule.dst.family = 7;
	assert_int_equal(ethtool_rule_add(nic->ethtool, &rule, on_plain, &s), -EINVAL);
	nic_free(cx7);
	nic_free(nic);
}

static void changes_of_others_are_told(void **state)
{
	struct nic *nic = nic_new("tiny-33", 4);
	struct nlmsghdr overrun = {.nlmsg_len = sizeof(overrun), .nlmsg_type = NLMSG_OVERRUN};
	struct datagram *d = calloc(1, sizeof(*d) + sizeof(overrun));
	union {
		struct nlmsghdr nlh;
		uint8_t room[64];
	} u = {.nlh = {40, 21, NLM_F_REQUEST, 1, 0}};
	struct genlmsghdr *genl = (void *)(u.room + 16);

	(void)state;
	channels(nic);
	/* CHANNELS_SET by another client: the header with the ifindex, the count */
	genl->cmd = ETHTOOL_MSG_CHANNELS_SET;
	memcpy(u.room + 20, (const uint16_t[]){12, 1, 8, 1}, 8);
	u.room[28] = NIC_IFINDEX;
	memcpy(u.room + 32, (const uint16_t[]){8, ETHTOOL_A_CHANNELS_COMBINED_COUNT}, 4);
	u.room[36] = 2;
	hwsim_generic(nic->card, 1, &u, 40, (void (*)(void *, const void *, size_t))NULL, NULL);
	ethtool_process(nic->ethtool);
	assert_int_equal(nic->changes, 1);
	assert_string_equal(nic->what, "channels");
	assert_int_equal(channels(nic).channels.combined, 2);
	assert_non_null(d);
	d->len = sizeof(overrun);
	memcpy(d->data, &overrun, sizeof(overrun));
	STAILQ_INSERT_TAIL(&nic->events, d, next);
	ethtool_process(nic->ethtool);
	assert_int_equal(nic->changes, 2);
	nic_free(nic);
}

/* Requests made while another is under way, or from its callback, wait for their turn. */
static void on_first(void *ctx, const struct ethtool_result *r)
{
	struct nic *nic = ((void **)ctx)[0];
	struct seen *s = ((void **)ctx)[1];

	keep(s, r);
	assert_int_equal(ethtool_channels_get(nic->ethtool, on_channels, s), 0);
	assert_int_equal(s->calls, 1); /* not from within */
}

static void one_after_the_other(void **state)
{
	struct nic *nic = nic_new("tiny-33", 4);
	struct seen s = {0};
	void *both[2] = {nic, &s};

	(void)state;
	channels(nic);
	assert_int_equal(ethtool_rule_delete(nic->ethtool, 0, on_first, both), 0);
	assert_int_equal(s.calls, 2);
	assert_int_equal(s.channels.combined, 4);
	nic->hold = true;
	assert_int_equal(ethtool_channels_get(nic->ethtool, on_channels, &s), 0);
	assert_int_equal(ethtool_rss_get(nic->ethtool, on_rss, &s), 0);
	assert_int_equal(ethtool_pending(nic->ethtool), 2);
	assert_int_equal(s.calls, 2);
	nic->hold = false;
	ethtool_process(nic->ethtool);
	assert_int_equal(s.calls, 4);
	assert_int_equal(ethtool_pending(nic->ethtool), 0);
	nic_free(nic);
}

static void a_transport_that_is_busy_or_loses(void **state)
{
	struct nic *nic = nic_new("tiny-33", 4);
	struct seen s = {0};

	(void)state;
	channels(nic);
	nic->send_error = -EAGAIN;
	assert_int_equal(ethtool_channels_get(nic->ethtool, on_channels, &s), 0);
	assert_true(ethtool_wants_write(nic->ethtool));
	assert_int_equal(s.calls, 0);
	nic->send_error = 0;
	ethtool_process(nic->ethtool);
	assert_false(ethtool_wants_write(nic->ethtool));
	assert_int_equal(s.calls, 1);
	nic->lose = true;
	assert_int_equal(ethtool_channels_get(nic->ethtool, on_channels, &s), 0);
	assert_int_equal(s.calls, 2);
	assert_int_equal(s.err, -ENOBUFS);
	nic->send_error = -EMSGSIZE;
	assert_int_equal(ethtool_channels_get(nic->ethtool, on_channels, &s), 0);
	assert_int_equal(s.err, -EMSGSIZE);
	nic->send_error = 0;
	assert_int_equal(channels(nic).err, 0);
	nic_free(nic);
}

static void the_end_of_a_transport_ends_all(void **state)
{
	struct nic *nic = nic_new("tiny-33", 4);
	struct seen s = {0};

	(void)state;
	channels(nic);
	nic->hold = true;
	assert_int_equal(ethtool_channels_get(nic->ethtool, on_channels, &s), 0);
	assert_int_equal(ethtool_driver_get(nic->ethtool, on_driver, &s), 0);
	nic->closed = true;
	ethtool_process(nic->ethtool);
	assert_int_equal(s.calls, 2);
	assert_int_equal(s.err, -EPIPE);
	assert_int_equal(nic->closes, 1);
	assert_int_equal(ethtool_channels_get(nic->ethtool, on_channels, &s), -EPIPE);
	nic_free(nic);

	nic = nic_new("tiny-33", 4);
	nic->hold = true;
	assert_int_equal(ethtool_channels_get(nic->ethtool, on_channels, &s), 0);
	nic_free(nic); /* with a request under way */
	assert_int_equal(s.calls, 3);
	assert_int_equal(s.err, -ECANCELED);
}

/* Any answer, cut or changed, ends the request, and nothing is read beyond it. */
static void answers_that_make_no_sense(void **state)
{
	(void)state;
	for (unsigned int seed = 0; seed < 400; seed++) {
		struct nic *nic = nic_new("rules-33", 4);
		struct datagram *d, *cut;
		struct seen s = {0};

		nic->no_rss_get = seed & 1;
		channels(nic);
		nic->hold = true;
		if (seed % 4 < 2)
			assert_int_equal(ethtool_rss_get(nic->ethtool, on_rss, &s), 0);
		else if (seed % 4 == 2)
			assert_int_equal(ethtool_features_get(nic->ethtool, on_features, &s), 0);
		else
			assert_int_equal(ethtool_stats_get(nic->ethtool, each_counter, on_plain, &s), 0);
		nic->hold = false;
		d = STAILQ_FIRST(&nic->answers);
		assert_non_null(d);
		STAILQ_REMOVE_HEAD(&nic->answers, next);
		/* on a heap block of the very size, so that a sanitizer sees a step too far */
		cut = malloc(sizeof(*cut) + d->len);
		assert_non_null(cut);
		cut->len = seed < 200 ? d->len * seed / 200 : d->len;
		memcpy(cut->data, d->data, d->len);
		if (seed >= 200)
			cut->data[16 + (seed * 7919) % (d->len - 16)] ^= (uint8_t)(1 + seed % 255);
		if (seed & 8 && cut->len >= 4)
			memcpy(cut->data, &(uint32_t){(uint32_t)cut->len}, 4); /* the header agrees */
		free(d);
		if (cut->len)
			STAILQ_INSERT_TAIL(&nic->answers, cut, next);
		else
			free(cut);
		ethtool_process(nic->ethtool);
		nic_free(nic);
		assert_int_equal(s.calls, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_kernel),
		cmocka_unit_test(older_kernels),
		cmocka_unit_test(rss_is_set_by_netlink),
		cmocka_unit_test(rules_come_and_go),
		cmocka_unit_test(changes_of_others_are_told),
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(a_transport_that_is_busy_or_loses),
		cmocka_unit_test(the_end_of_a_transport_ends_all),
		cmocka_unit_test(answers_that_make_no_sense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
