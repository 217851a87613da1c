/* SPDX-License-Identifier: MIT */
/* Queues work at the same time, share a fallback SA, and keys are replaced under them. Nothing is lost or doubled. */
#include "rig.h"

#include <pthread.h>
#include <stdatomic.h>

/* PACKETS of three queues together fit the window: a thread that sleeps with a sealed packet in hand loses none */
enum { QUEUES = 4, PACKETS = 1300, REKEYS = 40 };

struct pair {
	struct hwsim *a, *b;
	atomic_uint delivered, plain, sent;
	atomic_uint seen[QUEUES][PACKETS];
};

struct worker {
	struct pair *pair;
	unsigned int queue;
};

static void wire_out(void *ctx, unsigned int queue, const uint8_t *packet, size_t len)
{
	struct pair *pair = ctx;

	(void)queue;
	if (packet[9] != 50)
		pair->plain++;
	hwsim_rx(pair->b, 1, packet, len);
}

/* The ports say which packet it is. */
static void host_in(void *ctx, unsigned int queue, const uint8_t *packet, size_t len)
{
	struct pair *pair = ctx;

	(void)queue;
	(void)len;
	pair->delivered++;
	pair->seen[get_be16(packet + 20)][get_be16(packet + 22)]++;
}

static void *work(void *ctx)
{
	struct worker *w = ctx;
	uint8_t p[100];

	for (unsigned int i = 0; i < PACKETS; i++) {
		size_t n = rig_packet(p, "10.1.0.5", "10.2.0.9", (uint16_t)w->queue, (uint16_t)i, 40);

		hwsim_tx(w->pair->a, w->queue, 1, p, n);
		w->pair->sent++;
	}
	return NULL;
}

static void answered(void *ctx, const void *msg, size_t len)
{
	struct nlmsgerr err;
	int *error = ctx;

	assert_true(len >= NLMSG_HDRLEN + sizeof(err));
	memcpy(&err, (const uint8_t *)msg + NLMSG_HDRLEN, sizeof(err));
	*error = err.error;
}

static void request(struct hwsim *card, struct nlmsghdr *nlh)
{
	int error = 1;

	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	hwsim_netlink(card, 1, nlh, nlh->nlmsg_len, answered, &error);
	assert_int_equal(error, 0);
}

static void install(struct pair *pair, uint32_t spi, int pcpu)
{
	struct spec s = {.src = "192.0.2.1",
			 .dst = "192.0.2.2",
			 .spi = spi,
			 .reqid = 3,
			 .window = 4096,
			 .key = (uint8_t)spi,
			 .esn = true};
	_Alignas(8) uint8_t buf[4096];

	s.in = true;
	request(pair->b, rig_put_sa(buf, XFRM_MSG_NEWSA, &s));
	s.in = false;
	s.pcpu = pcpu;
	request(pair->a, rig_put_sa(buf, XFRM_MSG_NEWSA, &s));
}

static void remove_out(struct pair *pair, uint32_t spi)
{
	_Alignas(8) uint8_t buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct xfrm_usersa_id *id = mnl_nlmsg_put_extra_header(nlh, sizeof(*id));

	nlh->nlmsg_type = XFRM_MSG_DELSA;
	id->family = rig_addr("192.0.2.2", (uint8_t *)&id->daddr, NULL);
	id->spi = htonl(spi);
	id->proto = 50;
	request(pair->a, nlh);
}

static struct hwsim *card_new(struct pair *pair)
{
	struct hwsim_config config = {
		.profile = hwsim_profile_find("tiny-33"), .slots = 200, .queues = QUEUES, .ifindex = RIG_IFINDEX};
	struct hwsim_ops ops = {.wire_out = wire_out, .host_in = host_in, .ctx = pair};

	return hwsim_new(&config, &ops);
}

static void keys_are_replaced_under_traffic(void **state)
{
	static struct pair pair;
	struct spec policy = {RIG_TUNNEL, .reqid = 3};
	struct worker workers[QUEUES];
	pthread_t threads[QUEUES];
	_Alignas(8) uint8_t buf[4096];
	char why[200];

	(void)state;
	pair.a = card_new(&pair);
	pair.b = card_new(&pair);
	install(&pair, 1, 0);
	install(&pair, 200, 2); /* CPU 1 has its own all the time */
	policy.dir = XFRM_POLICY_OUT;
	request(pair.a, rig_put_policy(buf, XFRM_MSG_NEWPOLICY, &policy));
	policy.dir = XFRM_POLICY_IN;
	request(pair.b, rig_put_policy(buf, XFRM_MSG_NEWPOLICY, &policy));
	for (unsigned int q = 0; q < QUEUES; q++) {
		workers[q] = (struct worker){&pair, q};
		assert_int_equal(pthread_create(&threads[q], NULL, work, &workers[q]), 0);
	}
	for (uint32_t spi = 2; spi < 2 + REKEYS; spi++) {
		struct hwsim_stats stats;

		install(&pair, spi, 0);
		remove_out(&pair, spi - 1);
		hwsim_stats(pair.a, &stats);
		hwsim_tick(pair.b, 2);
	}
	for (unsigned int q = 0; q < QUEUES; q++)
		pthread_join(threads[q], NULL);
	assert_int_equal(pair.delivered, QUEUES * PACKETS);
	assert_int_equal(pair.plain, 0);
	for (unsigned int q = 0; q < QUEUES; q++)
		for (unsigned int i = 0; i < PACKETS; i++)
			assert_int_equal(pair.seen[q][i], 1);
	if (hwsim_check(pair.a, why, sizeof(why)) || hwsim_check(pair.b, why, sizeof(why)))
		fail_msg("%s", why);
	hwsim_free(pair.a);
	hwsim_free(pair.b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(keys_are_replaced_under_traffic)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
